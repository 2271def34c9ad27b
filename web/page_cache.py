"""A small cache in front of the application: a public page is drawn once, then handed out as bytes.

It holds only answers that say `Cache-Control: public` of themselves, for a few seconds, compressed
once. They are known by their path alone, so that they must say nothing of host, scheme or visitor.
It stands outside Flask (WSGI, PEP 3333), so that a page in it costs almost nothing; while one
thread draws a page anew, the others hand out the old one.
"""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Headers = list[tuple[str, str]]

MOST_PAGES = 512  # distinct addresses; a page is about 10 kB
# What makes an answer only a part of the page.
CONDITIONS = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE", "HTTP_IF_RANGE"}
STALE_SECONDS = 60.0  # for so long an old page may stand in while a new one is drawn
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
        if page is not None and self._serves(page):
            return _answer(page, environ, start_response)
        try:
            return self._draw(key, environ, start_response)
        finally:
            if page is not None:
                page.is_being_drawn = False

    def _serves(self, page: Page) -> bool:
        """Whether a page may be handed out; where not, the caller is the one to draw it anew."""
        age = time.monotonic() - page.drawn_at
        if age < self.seconds:
            return True
        with self.lock:
            if page.is_being_drawn:
                return age < self.seconds + STALE_SECONDS  # somebody else is at it
            page.is_being_drawn = True
        return False

    def _draw(self, key: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, headers, plain = self._ask(environ)
        page = make_page(headers, plain) if status.startswith("200") else None
        if page is not None:
            self._keep(key, page)
            return _answer(page, environ, start_response)
        # A fault (a host that is not ours, a database that is gone) says nothing of the page.
        if status.startswith(("2", "3", "404", "410")):
            self.pages.pop(key, None)
        start_response(status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else plain]

    def _ask(self, environ: Environ) -> tuple[str, Headers, bytes]:
        """The whole answer of the application to a plain GET."""
        caught: list[Any] = []

        def catch(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
            caught[:] = [status, headers]
            return lambda data: None

        asked = {name: value for name, value in environ.items() if name not in CONDITIONS}
        body = self.app({**asked, "REQUEST_METHOD": "GET"}, catch)
        try:
            plain = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        status, headers = caught
        return status, headers, plain

    def _keep(self, key: str, page: Page) -> None:
        with self.lock:
            self.pages.pop(key, None)  # the newest stands last
            while len(self.pages) >= MOST_PAGES:
                self.pages.pop(next(iter(self.pages)))
            self.pages[key] = page


def make_page(headers: Headers, plain: bytes) -> Page | None:
    """A page to keep, or None where the answer does not say that it is the same for everyone."""
    fields: dict[str, str] = {}
    for name, value in headers:
        known = fields.get(name.lower())
        fields[name.lower()] = f"{known}, {value}" if known else value
    if "public" not in fields.get("cache-control", "") or "etag" not in fields:
        return None
    if "set-cookie" in fields or "vary" in fields:
        return None
    zipped = None
    headers = [(n, v) for n, v in headers if n.lower() != "content-length"]
    if fields.get("content-type", "").startswith(COMPRESSIBLE):
        zipped = gzip.compress(plain, 9, mtime=0)
        headers.append(("Vary", "Accept-Encoding"))
    return Page(headers, plain, zipped, fields["etag"], time.monotonic())


def _answer(page: Page, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if _is_known(page.etag, environ.get("HTTP_IF_NONE_MATCH", "")):
        start_response("304 Not Modified", page.headers)
        return [b""]
    headers, body = page.headers, page.plain
    if page.zipped is not None and _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
        headers, body = [*headers, ("Content-Encoding", "gzip")], page.zipped
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _is_known(etag: str, asked: str) -> bool:
    """If-None-Match, by weak comparison (RFC 9110 13.1.2)."""
    return bool(asked) and (asked.strip() == "*" or etag.removeprefix("W/") in asked)


def _takes_gzip(accepted: str) -> bool:
    """Accept-Encoding (RFC 9110 12.5.3): gzip is named, and not with the weight 0."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False
