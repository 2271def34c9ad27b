"""Every form of every page, filled in with anything: an answer that helps, never a fault."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.hostile.conftest import Lived
from tests.support.crawler import Field, Form, read_forms, walk
from tests.unit.staff.conftest import Browser

ANSWERS = {200, 303, 400, 403, 404, 409, 410, 413, 422, 429, 503}
# Ending the session that asks would leave the rest untried.
ENDS = re.compile(r"/staff/(sign-out|account|sessions)|sign-in")
NASTY = [
    "", " ", "0", "-1", "1e309", "NaN", "9" * 400, "a" * 5000, "\x00", "\u202e", "\ufeff", "\ud800",
    "'", "' OR 1=1 --", '"><script>alert(1)</script>', "{{ 7*7 }}", "${7*7}", "%00", "%s%n",
    "../../etc/passwd", "javascript:alert(1)", "=1+1", "1' AND SLEEP(5)#", "\r\nBcc: x@example.org",
    "ada@example.org", "ada@xn--", "ada@" + "a" * 300 + ".org", "2026-02-30", "9999-12-31", "EUR",
    "age1x",    "00000000-0000-0000-0000-000000000000", "ß", "İ", "é", "e\u0301", "🕯", "ء", "१२३",
]  # fmt: skip
GOOD = {
    "name": "Ada", "email": "ada@example.org", "amount": "25", "country": "LT", "consent": "y",
    "currency": "EUR", "phone": "+370 612 34567", "message": "Hello", "languages": "Lithuanian",
    "words": "ada", "day": "2026-03-01", "reason": "requested", "note": "Called.", "year": "2026",
}  # fmt: skip
TOKENS = {"form_token", "csrf_token"}
WORDS = st.one_of(st.sampled_from(NASTY), st.text(max_size=60))
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
# What is found is told at once: the same post a second time is another one.
HASTY = settings(deadline=None, suppress_health_check=SLOW, database=None, phases=[Phase.generate])


def filled(form: Form) -> st.SearchStrategy[list[tuple[str, str]]]:
    """What is sent: often what would be taken, then anything, twice, or not at all."""

    def values(one: Field) -> st.SearchStrategy[list[tuple[str, str]]]:
        fitting = [GOOD.get(one.name, one.value), *one.options]
        value = st.one_of(*[st.sampled_from(fitting)] * 3, WORDS)
        often_once = st.one_of(*[st.tuples(value)] * 5, st.just(()), st.tuples(value, value))
        return often_once.map(lambda found: [(one.name, text) for text in found])

    junk = st.lists(st.tuples(st.text(max_size=20), WORDS), max_size=1)
    fields = [values(one) for one in form.fields if one.name not in TOKENS]
    return st.tuples(*fields, junk).map(lambda parts: [pair for part in parts for pair in part])


def send(browser: Browser, form: Form, pairs: list[tuple[str, str]]) -> int:
    """Send it as a browser would, with the token of a page that was just opened; the status."""
    _, forms = read_forms(form.page, browser.get(form.page).text)
    fresh = next((other for other in forms if other.kind == form.kind), form)
    tokens = [(one.name, one.value) for one in fresh.fields if one.name in TOKENS]
    body = urlencode([*tokens, *pairs], errors="surrogatepass")
    kind = "application/x-www-form-urlencoded"
    answer = browser.client.post(form.action, data=body, content_type=kind, buffered=True)
    assert answer.status_code in ANSWERS, (form.kind, pairs, answer.status_code)
    assert b"Traceback" not in answer.data
    place = answer.headers.get("Location", "/")
    assert not place.startswith("//")
    assert urlsplit(place).hostname in {None, "127.0.0.1"}
    return answer.status_code


def try_each(browser: Browser, forms: dict[str, Form], examples: int) -> None:
    """Let hypothesis fill in each form so many times."""
    posts = {kind: form for kind, form in forms.items() if form.method == "post"}
    statuses: Counter[int] = Counter()
    for _, form in sorted(posts.items(), key=lambda item: ("erase" in item[0], item[0])):
        if not ENDS.search(form.action):
            statuses += fill_in(browser, form, examples)
    # what is always refused at the door would prove little
    taken = sum(statuses[status] for status in (200, 303))
    assert taken > 0.1 * statuses.total(), statuses


def fill_in(browser: Browser, form: Form, examples: int) -> Counter[int]:
    """Let hypothesis fill in one form; how often it was answered how."""
    statuses: Counter[int] = Counter()

    @settings(HASTY, max_examples=examples)
    @given(filled(form))
    def holds(pairs: list[tuple[str, str]]) -> None:
        statuses[send(browser, form, pairs)] += 1

    holds()
    return statuses


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_forms_for_everybody(lived: Lived) -> None:
    browser = lived.stranger()
    start = ["/en/", "/en/my-data", "/en/donate/manage", "/staff/sign-in", *lived.addresses]
    forms = walk(browser.client, start)
    assert len(forms) >= 10, sorted(forms)
    try_each(browser, forms, 25)


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_forms_of_staff(lived: Lived, browser_of: Callable[[str], Browser]) -> None:
    browser = browser_of("admin")
    forms = walk(browser.client, ["/staff/", f"/staff/contacts/{lived.contact_id}"], "/staff/")
    assert len(forms) >= 12, sorted(forms)
    try_each(browser, forms, 12)


def test_a_few_on_each_database(lived: Lived) -> None:
    browser = lived.stranger()
    try_each(browser, walk(browser.client, ["/en/volunteer", *lived.addresses]), 4)
