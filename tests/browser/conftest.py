"""A real browser before a whole site."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.instances import InstanceMaker
from tests.support.site import Site, running_site

# Without these Chromium calls home at every start.
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Fails where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("Chromium is missing: make test installs it on Debian and Ubuntu")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield made
        made.close()


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, instance_maker: InstanceMaker) -> Iterator[Site]:
    """A site for all journeys of a database; each journey uses addresses of its own."""
    instance = instance_maker.make(request.param)
    with running_site(instance) as running:
        yield running
    instance_maker.drop(instance)


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def context(
    request: pytest.FixtureRequest, browser: Browser, site: Site
) -> Iterator[BrowserContext]:
    """A fresh visitor, with JavaScript and without."""
    made = browser.new_context(
        base_url=site.url, java_script_enabled=request.param, viewport={"width": 360, "height": 740}
    )
    strangers: list[str] = []
    made.on("request", lambda asked: strangers.append(asked.url))
    yield made
    made.close()
    own = (site.url, site.stripe.url, "data:")
    assert [url for url in strangers if not url.startswith(own)] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of theirs."""
    return context.new_page()


@pytest.fixture
def visitor(request: pytest.FixtureRequest) -> str:
    """An e-mail address that no other test uses."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name).strip("-").lower()
    return f"{name}@example.org"
