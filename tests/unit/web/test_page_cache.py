"""The page cache: only what is the same for everyone, never a stranger's fault."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from web.page_cache import MOST_PAGES, STALE_SECONDS, PageCache

PUBLIC = [("Content-Type", "text/html"), ("Cache-Control", "public, max-age=9"), ("ETag", 'W/"e"')]
Headers = list[tuple[str, str]]


class Site:
    """An application that answers as it is told, and counts."""

    def __init__(self) -> None:
        self.status, self.headers, self.drawn = "200 OK", list(PUBLIC), 0
        self.asked: dict[str, Any] = {}
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.drawn += 1
        self.asked = environ
        self.meanwhile()
        start(self.status, self.headers)
        return [b"page ", str(self.drawn).encode()]


@pytest.fixture
def site() -> Site:
    """What stands behind the cache."""
    return Site()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in the tests' hands."""
    now = [1000.0]
    monkeypatch.setattr("web.page_cache.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def cache(site: Site, clock: list[float]) -> PageCache:
    """A cache that keeps pages for two seconds."""
    return PageCache(site, 2.0)


def get(
    cache: PageCache, path: str = "/en/", method: str = "GET", **environ: str
) -> tuple[str, dict[str, str], bytes]:
    """Ask once; status, headers, body."""
    told: list[Any] = []
    body = cache(
        {"REQUEST_METHOD": method, "PATH_INFO": path, **environ},
        lambda status, headers: told.extend([status, headers]),
    )
    return told[0].split()[0], dict(told[1]), b"".join(body)


def test_a_page_is_drawn_once(cache: PageCache, site: Site, clock: list[float]) -> None:
    assert get(cache)[2] == get(cache)[2] == b"page 1"
    clock[0] += 2.1
    assert get(cache)[2] == b"page 2"


@pytest.mark.parametrize(
    "more",
    [
        [("Cache-Control", "private")],
        [("Set-Cookie", "a=b")],
        [("Vary", "Cookie")],
        [("Vary", "Accept-Language"), ("Vary", "X")],
    ],
)
def test_what_is_not_for_everyone_is_never_kept(
    cache: PageCache, site: Site, more: Headers
) -> None:
    public = [header for header in PUBLIC if header[0] != more[0][0]]
    site.headers = public + more
    assert [get(cache)[2] for _ in range(2)] == [b"page 1", b"page 2"]


@pytest.mark.parametrize("status", ["400 Bad Request", "500 X", "503 X"])
def test_a_fault_does_not_cost_the_others_their_page(
    cache: PageCache, site: Site, clock: list[float], status: str
) -> None:
    get(cache)
    clock[0] += 2.1
    site.status, site.headers = status, [("Cache-Control", "no-store")]
    seen: list[bytes] = []
    site.meanwhile = lambda: seen.append(get(cache)[2])
    assert get(cache)[0] == status.split()[0]
    assert seen == [b"page 1"]  # whoever came meanwhile read the old page
    site.meanwhile, site.status, site.headers = lambda: None, "200 OK", list(PUBLIC)
    assert get(cache)[0] == "200"


def test_a_page_that_is_gone_is_forgotten(cache: PageCache, site: Site, clock: list[float]) -> None:
    get(cache)
    clock[0] += 2.1
    site.status, site.headers = "404 Not Found", []
    get(cache)
    assert cache.pages == {}


def test_a_crash_lets_the_next_one_draw(cache: PageCache, site: Site, clock: list[float]) -> None:
    get(cache)
    clock[0] += 2.1

    def crash() -> None:
        raise RuntimeError

    site.meanwhile = crash
    with pytest.raises(RuntimeError):
        get(cache)
    site.meanwhile = lambda: None
    assert get(cache)[2] == b"page 3"


def test_an_old_page_stands_in_for_a_minute_only(
    cache: PageCache, site: Site, clock: list[float]
) -> None:
    get(cache)
    clock[0] += 2.1 + STALE_SECONDS
    seen: list[bytes] = []

    def come_meanwhile() -> None:
        site.meanwhile = lambda: None
        seen.append(get(cache)[2])

    site.meanwhile = come_meanwhile
    get(cache)
    assert seen == [b"page 3"]  # its form's token might be too old


def test_pages_beyond_the_most_are_forgotten_oldest_first(cache: PageCache) -> None:
    for number in range(MOST_PAGES + 3):
        get(cache, f"/{number}")
    assert len(cache.pages) == MOST_PAGES
    assert "/2" not in cache.pages
    assert "/3" in cache.pages


@pytest.mark.parametrize(
    ("accepted", "is_zipped"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("x-notgzip", False),
    ],
)
def test_only_who_takes_gzip_gets_it(cache: PageCache, accepted: str, is_zipped: bool) -> None:
    _, headers, body = get(cache, HTTP_ACCEPT_ENCODING=accepted)
    assert ("Content-Encoding" in headers) == is_zipped
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Content-Length"] == str(len(body))
    assert (gzip.decompress(body) if is_zipped else body) == b"page 1"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ('W/"e"', "304"),
        ('"e"', "304"),
        ('"x", W/"e"', "304"),
        ("*", "304"),
        ('"ee"', "200"),
        ("e", "200"),
        ("", "200"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_are_met(cache: PageCache, method: str, asked: str, status: str) -> None:
    for _ in range(2):  # drawn, then kept
        answer, headers, body = get(cache, method=method, HTTP_IF_NONE_MATCH=asked)
        assert answer == status
        assert headers["ETag"] == 'W/"e"'
        assert body == (b"page 1" if (status, method) == ("200", "GET") else b"")


def test_a_part_or_a_head_is_never_kept_for_the_whole(cache: PageCache, site: Site) -> None:
    conditions = {"HTTP_RANGE": "bytes=0-1", "HTTP_IF_MODIFIED_SINCE": "x", "HTTP_IF_RANGE": "x"}
    assert get(cache, method="HEAD", **conditions)[2] == b""
    assert site.asked["REQUEST_METHOD"] == "GET"
    assert not conditions.keys() & site.asked.keys()
    assert get(cache)[2] == b"page 1"


def test_posts_and_queries_go_past_it(cache: PageCache, site: Site) -> None:
    get(cache)
    assert get(cache, method="POST")[2] == b"page 2"
    assert get(cache, QUERY_STRING="a=b")[2] == b"page 3"
    assert get(cache)[2] == b"page 1"


def test_many_at_once_read_whole_pages(site: Site) -> None:
    cache = PageCache(site, 0.0001)
    found: list[bytes] = []

    def read() -> None:
        for _ in range(50):
            found.append(get(cache)[2])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 400
    assert all(body.startswith(b"page ") for body in found)
    assert not cache.pages["/en/"].is_being_drawn
