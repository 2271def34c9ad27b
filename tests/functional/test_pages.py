"""What holds for every public page."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.settings import ROOT
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance

LANGUAGES = ("en", "uk", "be")
PAGES = (
    "/",
    "/campaigns/stolen-childhood",
    "/campaigns/women-behind-bars",
    "/petitions/bring-the-children-home",
    "/petitions/home-to-their-children",
    "/petitions/bring-the-children-home/thanks",
    "/volunteer",
    "/volunteer/thanks",
    "/donate",
    "/donate/cancelled",
    "/check-inbox",
    "/privacy",
    "/accessibility",
    "/imprint",
)
ALL = [f"/{language}{page}" for language in LANGUAGES for page in PAGES]
FIRST_WINDOW = 14 * 1024  # bytes: what TCP sends before the first answer (RFC 6928)


@pytest.fixture
def engine_name() -> str:
    """These pages read little; one database will do."""
    return "sqlite"


def test_pages_are_light_and_clean(client: FlaskClient) -> None:
    css = gzip.compress((ROOT / "static" / "vigil.css").read_bytes(), 9)
    for path in ALL:
        answer = client.get(path)
        assert answer.status_code == 200, path
        weight = len(gzip.compress(answer.data, 9)) + len(css)
        assert weight <= FIRST_WINDOW, f"{path}: {weight} bytes"
        assert "Set-Cookie" not in answer.headers, path
        assert "<script" not in answer.text, path
        for address in re.findall(r'(?:src|href|action)="([^"]+)"', answer.text):
            if not address.startswith(("/", "#", "mailto:")):
                assert re.search(rf'<a [^>]*href="{re.escape(address)}"|rel="', answer.text), path
        for tag in re.findall(r"<(?:link|img|source|iframe)[^>]+>", answer.text):
            for address in re.findall(r'(?:src|href)="(https?:[^"]+)"', tag):
                assert address.startswith("http://127.0.0.1:8000/"), f"{path}: {address}"


def test_pages_name_their_language_and_the_others(client: FlaskClient) -> None:
    for path in ALL:
        language, text = path[1:3], client.get(path).text
        assert f'<html lang="{language}" dir="ltr"' in text, path
        for other in set(LANGUAGES) - {language}:
            assert f'"/{other}{path[3:]}"' in text, f"{path}: no way to {other}"


def test_titles_tell_pages_apart(client: FlaskClient) -> None:
    for language in LANGUAGES:
        titles = [
            re.findall(r"<title>(.*?)</title>", client.get(f"/{language}{page}").text)[0]
            for page in PAGES
        ]
        assert len(set(titles)) == len(titles), titles


def test_public_pages_may_be_kept_by_any_cache(client: FlaskClient) -> None:
    for path in ALL:
        answer = client.get(path)
        if path.endswith("/donate/cancelled"):
            continue
        assert "public" in answer.headers["Cache-Control"], path
        assert answer.headers["ETag"], path


def test_the_first_page_goes_to_the_visitors_language(client: FlaskClient) -> None:
    for asked, language in [
        ("be-BY,be;q=0.9,ru;q=0.8", "be"),
        ("uk", "uk"),
        ("de,en;q=0.5", "en"),
        ("zh", "en"),
        ("", "en"),
        ("\x00\xff;;q=x", "en"),
    ]:
        answer = client.get("/", headers={"Accept-Language": asked})
        assert (answer.status_code, answer.location) == (302, f"/{language}/")
        assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/en/",
        "/en/nothing",
        "/staff/sign-in",
        "/healthz",
        "/static/x/none.css",
        "/en/confirm/x",
    ],
)
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"]


def test_https_brings_hsts_and_stripe_alone_gets_forms(instance: Instance) -> None:
    app = instance.app(base_url="https://vigil.example", stripe_api_base="")
    answer = app.test_client().get("/en/", base_url="https://vigil.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    policy = answer.headers["Content-Security-Policy"]
    pages = "https://checkout.stripe.com https://billing.stripe.com https://invoice.stripe.com"
    assert f"form-action 'self' {pages};" in policy


def test_another_host_name_is_refused(client: FlaskClient) -> None:
    answer = client.get("/en/imprint", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.text


def test_unknown_addresses_get_a_page_in_their_language(client: FlaskClient) -> None:
    for path in ("/uk/nothing", "/uk/petitions/nothing", "/uk/campaigns/nothing"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert '<html lang="uk"' in answer.text
    assert client.post("/uk/petitions/nothing", data={}).status_code in {400, 404}
    assert client.get("/xx/").status_code == 404
    assert client.delete("/uk/").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/x/../app.py",
        "/static/x/%2e%2e/config/settings.py",
        "/static/x/..%2fconfig%2fsettings.py",
        "/static/x/..%5capp.py",
        "/static/x/../../app.py",
        "/static/x/../static/vigil.css",
        "/static/x/%2fetc%2fpasswd",
        f"/static/x/{ROOT}/app.py",
        "/static",
        "/static/",
        "/static/x",
        "/static/x/",
        "/static/x/.",
        "/static/vigil.css",
        "/.git/config",
        "/.git/HEAD",
        "/.env",
        "/app.py",
        "/config/settings.py",
        "/instance/",
        "/instance/vigil.db",
        "/instance/settings.env",
        "/requirements/run.txt",
        "/templates/layout.html",
        "/README.md",
        "/../app.py",
        "/en/../app.py",
    ],
)
def test_nothing_is_served_but_the_files_of_one_folder(client: FlaskClient, path: str) -> None:
    """No listing and no way out of it: the answer is that of an address that nobody thought of."""
    answer, nowhere = client.get(path, follow_redirects=True), client.get("/nothing-like-it")
    if path.startswith("/en/"):
        nowhere = client.get("/en/nothing-like-it")
    assert (answer.status_code, answer.data) == (404, nowhere.data)


def test_the_one_folder_is_served_whole(client: FlaskClient) -> None:
    folder = ROOT / "static"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        answer = client.get(f"/static/x/{path.relative_to(folder).as_posix()}")
        assert (answer.status_code, answer.data) == (200, path.read_bytes()), path


def test_machines_find_what_they_ask_for(client: FlaskClient) -> None:
    assert client.get("/healthz").text == client.get("/readyz").text == "ok\n"
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in client.get("/robots.txt").text
    security = client.get("/.well-known/security.txt").text
    assert "Contact: mailto:contact@example.org" in security
    assert "Expires: 20" in security
    sitemap = client.get("/sitemap.xml")
    assert sitemap.mimetype == "application/xml"
    found = re.findall(r"<loc>http://127.0.0.1:8000([^<]+)</loc>", sitemap.text)
    assert set(found) >= {"/en/", "/uk/petitions/bring-the-children-home", "/be/donate"}
    for path in found:
        assert client.get(path).status_code == 200, path
    assert sitemap.text.count('hreflang="be"') == len(found)
    assert client.get("/favicon.ico").status_code == 200


def test_links_lead_somewhere(client: FlaskClient) -> None:
    seen: set[str] = set()
    for path in ALL:
        seen |= set(re.findall(r'(?:href|action)="(/[^"#]*)', client.get(path).text))
    for address in seen:
        assert client.get(address.replace("&amp;", "&")).status_code in {200, 303}, address


def test_cached_pages_are_the_same_and_answer_conditions(instance: Instance) -> None:
    app = instance.app(page_cache_seconds=60)
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    first, second = client.get("/en/"), client.get("/en/")
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]
    assert second.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    same = client.get("/en/", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    zipped = client.get("/en/", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == first.data
    assert "Accept-Encoding" in zipped.headers["Vary"]
    assert client.head("/en/").data == b""
    assert client.get("/en/nothing").status_code == 404


def test_private_pages_are_never_cached(instance: Instance) -> None:
    client = instance.app(page_cache_seconds=60).test_client()
    client.environ_base.update(SAME_ORIGIN)
    for path in ("/staff/sign-in", "/en/confirm/x", "/en/donate/thanks"):
        for _ in range(2):
            assert client.get(path).headers["Cache-Control"] == "no-store", path


def test_right_to_left_needs_only_the_setting(instance: Instance, app: Flask) -> None:
    arabic = instance.app(supported_languages=("en", "ar")).test_client()
    answer = arabic.get("/ar/", base_url="http://127.0.0.1:8000")
    assert '<html lang="ar" dir="rtl"' in answer.text
