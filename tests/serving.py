"""A web server on this machine that serves what it is given, and misbehaves as a test asks."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PIECE = 8192


@dataclass
class Site:
    """`files` by path. `pause` seconds lie between pieces of 8 KiB; `drops` connections end after half of the answer;
    `failures` answers are 503; without `ranges` a wish for a part is ignored. `asked` tells what came: method, path,
    range, bytes that were sent, and the `Authorization` header."""

    files: dict[str, bytes] = field(default_factory=dict)
    pause: float = 0.0
    drops: int = 0
    failures: int = 0
    ranges: bool = True
    repositories: dict[str, tuple[str, dict[str, bytes]]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    url: str = ""

    def sent(self, path: str) -> int:
        return sum(count for method, asked, _, count, _ in self.asked if method == "GET" and asked == path)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self, site)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    path = request.path.partition("?")[0]
    if path.startswith("/api/models/") or "/resolve/" in path:
        hub(request, site, path)
    elif site.failures > 0:
        site.failures -= 1
        send(request, site, 503, b"busy")
    elif path in site.files:
        send(request, site, 200, site.files[path])
    else:
        send(request, site, 404, b"not here")


def hub(request: BaseHTTPRequestHandler, site: Site, path: str) -> None:
    """The three answers of a hub that a snapshot needs: the commit and its files, a file's facts, a file."""
    for name, (commit, files) in site.repositories.items():
        if path.startswith(f"/api/models/{name}"):
            if name in site.gated and not request.headers.get("Authorization"):
                send(request, site, 403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
                return
            about = {"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files]}
            if "/tree/" in path:
                rows = [
                    {
                        "type": "file",
                        "path": file,
                        "size": len(content),
                        "oid": hashlib.sha1(content).hexdigest(),
                    }
                    for file, content in files.items()
                ]
                send(request, site, 200, json.dumps(rows).encode(), {"Content-Type": "application/json"})
                return
            send(request, site, 200, json.dumps(about).encode(), {"Content-Type": "application/json"})
            return
        if path.startswith(f"/{name}/resolve/"):
            content = files.get(path.rpartition("/")[2])
            if content is None:
                send(request, site, 404, b"", {"X-Error-Code": "EntryNotFound"})
            else:
                send(request, site, 200, content, {"X-Repo-Commit": commit})
            return
    send(request, site, 404, b"", {"X-Error-Code": "RepoNotFound"})


def send(
    request: BaseHTTPRequestHandler,
    site: Site,
    status: int,
    content: bytes,
    more: dict[str, str] | None = None,
) -> None:
    mark = f'"{hashlib.sha1(content).hexdigest()}"'
    wish = request.headers.get("Range", "")
    start = 0
    if status == 200 and wish and site.ranges and request.headers.get("If-Range", mark) == mark:
        start = int(wish.removeprefix("bytes=").split("-")[0])
        status = 206 if start < len(content) else 416
    body = content[start:] if status != 416 else b""
    request.send_response(status)
    for name, value in {"ETag": mark, "Content-Length": str(len(body)), **(more or {})}.items():
        request.send_header(name, value)
    if status == 206:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.end_headers()
    sent = 0
    try:
        if request.command == "GET":
            end = len(body)
            if status in (200, 206) and site.drops > 0 and len(body) > _PIECE:
                site.drops -= 1
                end = len(body) // 2
            for at in range(0, end, _PIECE):
                request.wfile.write(body[at : min(at + _PIECE, end)])
                sent = min(at + _PIECE, end)
                time.sleep(site.pause)
            request.close_connection = end < len(body)
    except (BrokenPipeError, ConnectionResetError):
        request.close_connection = True
    path = request.path.partition("?")[0]
    site.asked.append((request.command, path, wish, sent, request.headers.get("Authorization", "")))
