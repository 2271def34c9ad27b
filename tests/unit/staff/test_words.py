"""Names and amounts as staff read and type them."""

from __future__ import annotations

import pytest
from flask import Flask, g

from donate.books.models import Kind, RefundState
from donate.books.refunds import REASONS
from donate.models import Method, RecurringState, Review, State
from donate.money import parse_minor
from staff.audit import ACTIONS
from staff.giving import words as words_giving
from staff.words import ACTIONS as ACTIONS_IN_WORDS
from staff.words import DETAILS, details, typed_amount

AMOUNTS = [
    (1, "EUR"), (2500, "EUR"), (123456789, "EUR"), (1500, "JPY"), (1250, "KWD"), (12340, "KWD"),
    (30000, "ISK"), (800000, "UGX"), (400000, "HUF"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "uk", "be"])
@pytest.mark.parametrize(("minor", "currency"), AMOUNTS)
def test_amount_in_a_field_is_read_as_it_was_written(
    app: Flask, minor: int, currency: str, language: str
) -> None:
    with app.test_request_context("/staff/"):
        g.language = language
        assert parse_minor(typed_amount(minor, currency), currency, language) == minor


def test_everything_has_a_name() -> None:
    assert set(words_giving.STATES) == set(State)
    assert set(words_giving.METHODS) == set(Method)
    assert set(words_giving.REVIEWS) == set(Review) - {Review.NONE}
    assert set(words_giving.RECURRING_STATES) == set(RecurringState)
    assert set(words_giving.LINES) == set(Kind)
    assert set(words_giving.REFUND_STATES) == set(RefundState)
    assert set(words_giving.REFUND_REASONS) > set(REASONS)
    assert set(ACTIONS_IN_WORDS) == set(ACTIONS)
    keys = set().union(*ACTIONS.values())
    assert keys - {"amount_minor"} <= set(DETAILS)


def test_amount_in_the_audit_log_is_written_out(app: Flask) -> None:
    with app.test_request_context("/staff/"):
        g.language = "en"
        written = details({"amount_minor": 1500, "currency": "JPY", "reason": "other"})
    assert ("Amount", "¥1,500") in written
    assert ("Reason", "Another reason") in written
