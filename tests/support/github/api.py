"""The comments of GitHub's REST interface, as a real HTTP server on this machine."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_COMMENTS = re.compile(r"/repos/[^/]+/[^/]+/issues/(\d+)/comments")
_COMMENT = re.compile(r"/repos/[^/]+/[^/]+/issues/comments/(\d+)")


@dataclass
class CommentServer:
    """What was asked of it, and what it holds.

    Attributes:
        url: its address.
        calls: method and path of every request.
        comments: in the order in which they were written.
        refuse: status to answer writing with, 0 to obey.
        tokens: that requests carried.
    """

    url: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    refuse: int = 0
    tokens: set[str] = field(default_factory=set)

    def add(self, body: str, kind: str = "Bot", number: int = 7) -> dict[str, Any]:
        """Write a comment."""
        comment = {
            "id": 1000 + len(self.comments),
            "body": body,
            "user": {"type": kind},
            "issue": number,
            "html_url": f"{self.url}/comment/{1000 + len(self.comments)}",
        }
        self.comments.append(comment)
        return comment


@contextlib.contextmanager
def comment_server() -> Iterator[CommentServer]:
    """Serve for the length of a block."""
    state = CommentServer()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            query = parse_qs(split.query)
            number = int(self._match(_COMMENTS)[1])
            there = [c for c in state.comments if c["issue"] == number]
            per_page, page = int(query["per_page"][0]), int(query["page"][0])
            self._answer(200, there[per_page * (page - 1) : per_page * page])

        def do_POST(self) -> None:
            number = int(self._match(_COMMENTS)[1])
            self._answer(201, lambda: state.add(self._body(), number=number))

        def do_PATCH(self) -> None:
            wanted = int(self._match(_COMMENT)[1])
            comment = next(c for c in state.comments if c["id"] == wanted)

            def change() -> dict[str, Any]:
                comment["body"] = self._body()
                return comment

            self._answer(200, change)

        def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
            path = urlsplit(self.path).path
            state.calls.append((self.command, path))
            state.tokens.add(self.headers["Authorization"])
            match = pattern.fullmatch(path)
            assert match is not None, path
            return match

        def _body(self) -> str:
            return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

        def _answer(self, status: int, content: Any) -> None:
            if callable(content) and state.refuse:
                status, content = state.refuse, {"message": "Resource not accessible by integration"}
            elif callable(content):
                content = content()
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
