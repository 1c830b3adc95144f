"""Where files come from: mirror, cache, network; and what happens when they are not what they should be."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kit.catalog import Catalog, DatasetEntry, Locations, locate_data
from kit.errors import ChecksumError, MissingInputError, StorageError

CONTENT = b'{"id": "1", "context": "c", "question": "q", "answer": "a"}\n'
SUM = hashlib.sha256(CONTENT).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served over HTTP, and its address."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def dataset(folder: Path, url: str, sha256: str | None = SUM) -> DatasetEntry:
    place = url.removeprefix("http://")
    text = f"schema: 1\ndatasets:\n  set:\n    format: jsonl\n    url: {url}\n"
    text += "    files: {test: {de: sub/de.jsonl}}\n"
    if sha256:
        text += f"checksums:\n  {place}:\n    sub/de.jsonl: {sha256}\n"
    path = folder / "set.yaml"
    path.write_text(text)
    return Catalog.load([path]).datasets["set"]


def serve(site: Path, content: bytes = CONTENT) -> None:
    (site / "sub").mkdir(exist_ok=True)
    (site / "sub/de.jsonl").write_bytes(content)


def test_fetched_once_then_taken_from_the_cache(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    serve(folder)
    entry = dataset(tmp_path, url)
    path = locate_data(entry, "de", "test", Locations(None, tmp_path / "cache"))
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(tmp_path / "cache")
    assert [p.name for p in path.parent.iterdir()] == ["de.jsonl"]  # nothing half-written is left
    (folder / "sub/de.jsonl").unlink()
    assert locate_data(entry, "de", "test", Locations(None, tmp_path / "cache")) == path
    assert locate_data(entry, "de", "test", Locations(None, tmp_path / "cache", offline=True)) == path


def test_the_mirror_comes_first(tmp_path: Path, site: tuple[Path, str]) -> None:
    _, url = site
    entry = dataset(tmp_path, url)
    mirrored = tmp_path / "mirror" / url.removeprefix("http://") / "sub/de.jsonl"
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(CONTENT)
    assert locate_data(entry, "de", "test", Locations(tmp_path / "mirror", tmp_path / "cache")) == mirrored
    mirrored.write_bytes(CONTENT + b"\n")
    with pytest.raises(ChecksumError, match="copy it into the mirror again") as caught:
        locate_data(entry, "de", "test", Locations(tmp_path / "mirror", tmp_path / "cache"))
    assert caught.value.where is not None
    assert caught.value.where.path == str(mirrored)
    with pytest.raises(MissingInputError, match="the mirror is no folder"):
        locate_data(entry, "de", "test", Locations(tmp_path / "absent", tmp_path / "cache"))


def test_offline_never_asks_the_network(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    serve(folder)
    with pytest.raises(MissingInputError, match=r"network is not to be used.*without --offline"):
        locate_data(dataset(tmp_path, url), "de", "test", Locations(None, tmp_path / "cache", offline=True))
    assert not (tmp_path / "cache").exists()


def test_a_wrong_download_never_gets_the_good_name(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    entry, locations = dataset(tmp_path, url), Locations(None, tmp_path / "cache")
    for content, error, message in (
        (b"something else", ChecksumError, "has changed"),
        (b"<html>please log in</html>", MissingInputError, "web page"),
    ):
        serve(folder, content)
        with pytest.raises(error, match=message):
            locate_data(entry, "de", "test", locations)
        assert not [path for path in (tmp_path / "cache" / "data").rglob("*") if path.is_file()]
    (folder / "sub/de.jsonl").unlink()
    with pytest.raises(MissingInputError, match="cannot be fetched: 404"):
        locate_data(entry, "de", "test", locations)


def test_a_damaged_cache_is_fetched_anew_or_told(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    serve(folder)
    entry, locations = dataset(tmp_path, url), Locations(None, tmp_path / "cache")
    path = locate_data(entry, "de", "test", locations)
    path.write_bytes(CONTENT[:10])
    with pytest.raises(ChecksumError, match=f"expected {SUM}.*remove it"):
        locate_data(entry, "de", "test", Locations(None, tmp_path / "cache", offline=True))
    assert locate_data(entry, "de", "test", locations).read_bytes() == CONTENT


def test_a_sum_that_the_catalog_lacks_is_recorded_at_the_first_fetch(
    tmp_path: Path, site: tuple[Path, str]
) -> None:
    folder, url = site
    serve(folder)
    entry, locations = dataset(tmp_path, url, sha256=None), Locations(None, tmp_path / "cache")
    path = locate_data(entry, "de", "test", locations)
    record = next((tmp_path / "cache/recorded").rglob("*.sha256"))
    assert record.read_text().strip() == SUM
    path.unlink()
    serve(folder, CONTENT * 2)
    with pytest.raises(ChecksumError, match=f"expected {SUM}.*recorded at the first fetch"):
        locate_data(entry, "de", "test", locations)
    record.unlink()
    assert locate_data(entry, "de", "test", locations).read_bytes() == CONTENT * 2


def test_a_cache_that_cannot_be_written(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    serve(folder)
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="cache cannot be written"):
        locate_data(dataset(tmp_path, url), "de", "test", Locations(None, tmp_path / "cache"))
