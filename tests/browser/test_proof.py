"""The step before the payment while cards are tried out: with a browser's work, or with a wait."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from config.database import db
from donate.guard import waiting
from donate.guard.models import Decline, GuardState
from tests.browser.test_axe import LOOKS, faults
from tests.support.instances import Instance, InstanceMaker
from tests.support.site import Site, running_site

AT_STRIPE = re.compile("/c/pay/cs_test_")
Visit = Callable[..., Page]
VISITORS = itertools.count()


@pytest.fixture(scope="module")
def odd_site(instance_maker: InstanceMaker) -> Iterator[Site]:
    """A site of its own on which twelve cards have just been refused."""
    instance = instance_maker.make("sqlite")
    in_database(instance, *(Decline(id=f"ch_{n}", at=datetime.now(UTC)) for n in range(12)))
    with running_site(instance) as running:
        yield running
    instance_maker.drop(instance)


def in_database(instance: Instance, *rows: object) -> None:
    app = instance.app()
    with app.app_context():
        for row in rows:
            db.session.merge(row)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def visit(browser: Browser, odd_site: Site) -> Iterator[Visit]:
    """Opens a page of a visitor's, who must meet nobody but us and Stripe, and get no cookie."""
    contexts: list[BrowserContext] = []
    asked: list[str] = []

    def visit_one(**given: object) -> Page:
        own = {
            "base_url": odd_site.url,
            "viewport": {"width": 360, "height": 740},
            # a browser of their own: the same form from the same one is a second click
            "user_agent": f"Mozilla/5.0 (visitor {next(VISITORS)})",
        }
        made = browser.new_context(**{**own, **given})
        made.on("request", lambda request: asked.append(request.url))
        contexts.append(made)
        return made.new_page()

    yield visit_one
    for context in contexts:
        assert context.cookies(odd_site.url) == []
        context.close()
    own = (odd_site.url, odd_site.stripe.url, "data:")
    assert [url for url in asked if not url.startswith(own)] == []


def begin(page: Page, language: str = "en") -> None:
    """Fill the form in and send it."""
    page.goto(f"/{language}/donate")
    assert page.locator("script").count() == 0
    page.locator("[name=currency]").select_option("EUR")
    page.locator("[name=amount]").fill("12.5")
    page.locator("form#donate button[type=submit]").last.click()
    expect(page.locator(".step")).to_be_visible()


def wait_for(page: Page, state: str) -> None:
    """Until the widget is there; a busy machine calculates slowly."""
    expect(page.locator(".altcha")).to_have_attribute("data-state", state, timeout=30_000)


def go_on(page: Page) -> None:
    page.locator(".step button[type=submit]").click()


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_the_browser_works_and_the_gift_goes_on(visit: Visit, language: str) -> None:
    page = visit()
    begin(page, language)
    wait_for(page, "verified")
    words = page.locator("#proof").get_attribute("data-verified") or ""
    expect(page.locator(".altcha label")).to_have_text(words)
    expect(page.locator("#proof-wait")).to_be_hidden()
    expect(page.locator("[name=amount]")).to_have_value("12.5")
    go_on(page)
    expect(page).to_have_url(AT_STRIPE)


def test_who_presses_at_once_goes_on_when_it_is_done(visit: Visit) -> None:
    page, held = visit(), []
    page.route("**/donate/proof", lambda route: held.append(route))
    begin(page)
    wait_for(page, "verifying")
    go_on(page)
    expect(page.locator(".step")).to_be_visible()
    held[0].continue_()
    expect(page).to_have_url(AT_STRIPE, timeout=30_000)


def test_the_same_proof_does_not_serve_twice(visit: Visit) -> None:
    page = visit()
    begin(page)
    wait_for(page, "verified")
    used = page.locator("input[name=altcha]").input_value()
    go_on(page)
    expect(page).to_have_url(AT_STRIPE)
    other = visit(java_script_enabled=False)
    begin(other)
    other.locator("input[name=waited]").evaluate(
        "(at, used) => { at.name = 'altcha'; at.value = used }", used
    )
    go_on(other)
    expect(other.locator(".step strong")).to_contain_text("used before")


def test_without_script_a_minute_is_enough(visit: Visit, odd_site: Site) -> None:
    page = visit(java_script_enabled=False)
    begin(page)
    expect(page.locator("#proof-wait")).to_be_visible()
    token = page.locator("input[name=waited]").input_value()
    go_on(page)
    expect(page.locator(".step strong")).to_contain_text("Not a whole minute")
    assert page.locator("input[name=waited]").input_value() == token
    app = odd_site.instance.app()
    with app.app_context():  # a minute goes by
        waited = waiting.make_token(datetime.now(UTC) - timedelta(seconds=61))
    page.locator("input[name=waited]").evaluate("(at, waited) => { at.value = waited }", waited)
    expect(page.locator("[name=amount]")).to_have_value("12.5")
    go_on(page)
    expect(page).to_have_url(AT_STRIPE)


def test_where_the_calculation_fails_the_wait_is_offered(visit: Visit) -> None:
    page = visit()
    page.route("**/altcha/pbkdf2.js", lambda route: route.abort())
    begin(page)
    wait_for(page, "error")
    expect(page.locator("#proof-wait")).to_be_visible()


def test_where_the_widget_does_not_come_the_wait_stands(visit: Visit) -> None:
    page = visit()
    page.route("**/altcha/altcha.min.js", lambda route: route.abort())
    begin(page)
    page.wait_for_load_state("networkidle")
    assert page.locator("altcha-widget").count() == 0
    expect(page.locator("#proof-wait")).to_be_visible()


def test_the_policy_of_the_page_is_kept(visit: Visit) -> None:
    page, said = visit(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    begin(page)
    wait_for(page, "verified")
    assert [words for words in said if "429" not in words] == []


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_axe_finds_nothing(visit: Visit, language: str, width: int, scheme: str) -> None:
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    begin(page, language)
    wait_for(page, "verified")
    assert faults(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_axe_finds_nothing_while_giving_rests(visit: Visit, odd_site: Site) -> None:
    in_database(
        odd_site.instance, GuardState(id=1, closed_until=datetime.now(UTC) + timedelta(minutes=9))
    )
    page = visit()
    page.wait_for_timeout(2_500)  # the site looks again after two seconds
    begin(page)
    assert page.locator("script").count() == 0
    expect(page.locator("[name=amount]")).to_have_value("12.5")
    assert faults(page) == []
