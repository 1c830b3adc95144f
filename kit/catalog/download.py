"""A downloader for pooch that goes on where an earlier one was cut off, and tries again where the network fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tell = Callable[[int, int | None], None]
"""Called with the bytes that are here and those there will be (None: unknown)."""

_TIMEOUT_SECONDS = 60
_ATTEMPTS = 4
_CHUNK = 1 << 16


class Resuming:
    """Fetches into `part`, which stays when it is cut off; `resumed` says whether an earlier part was used.

    The part is asked for again only as long as the server's mark of the file (its ETag, or else its date) is the same:
    halves of two versions never make one file.
    """

    def __init__(self, part: Path, tell: Tell) -> None:
        self.part = part
        self.resumed = False
        self._mark = part.with_name(part.name + ".mark")
        self._tell = tell

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """As pooch calls it. Raises OSError: the network or the disk failed for good; the part stays."""
        import requests

        with _session() as session:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._fetch(session, url)
                    break
                except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                    if attempt == _ATTEMPTS:
                        raise
        self._mark.unlink(missing_ok=True)
        os.replace(self.part, output_file)

    def forget(self) -> None:
        """Drop what an earlier go has left: it does not fit."""
        self.part.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def _fetch(self, session: Any, url: str) -> None:
        here = self.part.stat().st_size if self.part.exists() else 0
        mark = self._mark.read_text() if self._mark.exists() else ""
        headers = {"Accept-Encoding": "identity"}
        if here and mark:
            headers |= {"Range": f"bytes={here}-", "If-Range": mark}
        with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
            if answer.status_code == 416:  # all of it is here, or more than there is: begin anew
                self.forget()
                return self._fetch(session, url)
            answer.raise_for_status()
            goes_on = answer.status_code == 206
            self.resumed |= goes_on
            here = here if goes_on else 0
            length = answer.headers.get("Content-Length", "")
            total = here + int(length) if length.isdigit() else None
            with self.part.open("ab" if goes_on else "wb") as stream:
                if not goes_on:
                    self._mark.write_text(
                        answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
                    )
                for chunk in answer.iter_content(_CHUNK):
                    stream.write(chunk)
                    stream.flush()
                    here += len(chunk)
                    self._tell(here, total)
        if total is not None and here < total:
            raise requests_error(f"the connection ended after {here} of {total} bytes")
        return None


def requests_error(message: str) -> OSError:
    """The error for which another try is made."""
    import requests

    return requests.ConnectionError(message)


def _session() -> Any:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    retry = Retry(
        total=4, backoff_factor=0.3, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=["GET"]
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
