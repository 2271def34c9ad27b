"""A small cache in front of the application: a public page is drawn once, then handed out as bytes.

It holds only answers that say `Cache-Control: public` of themselves, for a few seconds, compressed
once. It stands outside Flask (WSGI, PEP 3333), so that a page in it costs almost nothing; while one
thread draws a page anew, the others hand out the old one.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Headers = list[tuple[str, str]]

MOST_PAGES = 512  # distinct addresses; a page is about 10 kB
COMPRESSIBLE = ("text/", "application/xml", "application/json", "image/svg+xml")


@dataclass
class Page:
    """A finished answer, plain and compressed."""

    headers: Headers
    plain: bytes
    zipped: bytes | None
    etag: str
    drawn_at: float
    is_being_drawn: bool = False


class PageCache:
    """WSGI middleware; `seconds` is how long a page may be handed out before it is drawn anew."""

    def __init__(self, app: Callable[..., Iterable[bytes]], seconds: float) -> None:
        self.app = app
        self.seconds = seconds
        self.pages: dict[str, Page] = {}
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from the cache, or let the application answer and keep what it says is public."""
        key, query = environ["PATH_INFO"], environ.get("QUERY_STRING")
        # An address with a query is drawn each time: anyone can make up any number of them.
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or query or not self.seconds:
            return self.app(environ, start_response)
        page = self.pages.get(key)
        if page is None or not self._is_fresh(page):
            return self._draw(key, environ, start_response)
        return _answer(page, environ, start_response)

    def _is_fresh(self, page: Page) -> bool:
        if time.monotonic() - page.drawn_at < self.seconds:
            return True
        with self.lock:
            if page.is_being_drawn:
                return True  # somebody else is at it
            page.is_being_drawn = True
        return False

    def _draw(self, key: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        caught: list[Any] = []

        def catch(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
            caught[:] = [status, headers]
            return lambda data: None

        method, environ["REQUEST_METHOD"] = environ["REQUEST_METHOD"], "GET"
        conditions: Environ = {
            name: environ.pop(name)
            for name in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE")
            if name in environ
        }
        try:
            body = self.app(environ, catch)
            plain = b"".join(body)
            if hasattr(body, "close"):
                body.close()
        except BaseException:
            self.pages.pop(key, None)
            raise
        environ["REQUEST_METHOD"] = method
        environ.update(conditions)
        status, headers = caught
        page = make_page(headers, plain) if status.startswith("200") else None
        if page is None or not page.etag:
            self.pages.pop(key, None)
            start_response(status, headers)
            return [b"" if method == "HEAD" else plain]
        with self.lock:
            while len(self.pages) >= MOST_PAGES:
                self.pages.pop(next(iter(self.pages)))
            self.pages[key] = page
        return _answer(page, environ, start_response)


def make_page(headers: Headers, plain: bytes) -> Page | None:
    """A page to keep, or None where the answer does not say that it is public."""
    fields = {name.lower(): value for name, value in headers}
    if "public" not in fields.get("cache-control", "") or "set-cookie" in fields:
        return None
    zipped = None
    if fields.get("content-type", "").startswith(COMPRESSIBLE):
        zipped = gzip.compress(plain, 9, mtime=0)
        vary = ", ".join(filter(None, (fields.get("vary"), "Accept-Encoding")))
        headers = [(n, v) for n, v in headers if n.lower() != "vary"] + [("Vary", vary)]
    headers = [(n, v) for n, v in headers if n.lower() != "content-length"]
    return Page(headers, plain, zipped, fields.get("etag", ""), time.monotonic())


def _answer(page: Page, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if page.etag and page.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 Not Modified", page.headers)
        return [b""]
    headers, body = page.headers, page.plain
    if page.zipped is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
        headers, body = [*headers, ("Content-Encoding", "gzip")], page.zipped
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
