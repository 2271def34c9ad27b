"""The way out stays in view on a small screen, and never lies over what has the focus."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

PETITION = "/uk/petitions/bring-the-children-home"
HIDDEN = """() => {
  const focused = document.activeElement, here = focused.getBoundingClientRect()
  if (focused === document.body || focused.closest('.exit, .skip')) return false
  const strip = document.querySelector('.exit').getBoundingClientRect()
  return here.height > 0 && here.bottom > strip.top && here.top < strip.bottom - 1
}"""


@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_strip_lies_over_nothing_that_has_the_focus(page: Page, key: str) -> None:
    """WCAG 2.2, 2.4.11."""
    page.goto(PETITION)
    stops = set()
    for _ in range(40):
        page.keyboard.press(key)
        element = page.evaluate("document.activeElement.outerHTML.slice(0, 99)")
        assert not page.evaluate(HIDDEN), element
        stops.add(element)
    assert len(stops) > 12


def test_it_is_the_first_stop_after_the_skip_link_and_stays_in_view(page: Page) -> None:
    page.goto(PETITION)
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/leave"
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    box = page.locator(".exit a").bounding_box()
    assert box is not None
    assert (round(box["y"]), box["height"] >= 44) == (0, True)
    assert box["x"] + box["width"] <= 360
