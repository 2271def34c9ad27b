"""Two contacts become one: the safe side for news and for the wish to get discreet mails."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from config.database import db
from contacts.merging import merge
from contacts.models import Contact
from contacts.services import add_contact
from tests.support.moments import NOW


def merged(gone: dict[str, object], kept: dict[str, object]) -> Contact:
    """What is left of two contacts."""
    ids = []
    for number, values in enumerate((gone, kept)):
        ids.append(add_contact(f"{number}@example.org", "en", "confirmed", NOW.date()))
        row = db.session.get_one(Contact, ids[-1])
        for name, value in values.items():
            setattr(row, name, value)
    db.session.commit()
    assert merge(*ids, NOW)
    db.session.commit()
    (left,) = db.session.scalars(select(Contact)).all()
    assert left.id == ids[1]
    return left


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_news_are_those_of_the_one_whom_links_to_leave_name(
    app: Flask, gone: bool, kept: bool
) -> None:
    assert merged({"newsletter": gone}, {"newsletter": kept}).newsletter is kept


@pytest.mark.parametrize(
    ("gone", "kept", "expected"),
    [
        (("pending", True), ("confirmed", False), False),  # anybody's form
        (("confirmed", False), ("pending", True), False),
        (("confirmed", True), ("pending", False), True),
        (("confirmed", True), ("confirmed", False), True),
        (("confirmed", False), ("confirmed", True), True),
        (("pending", True), ("pending", False), True),
    ],
)
def test_wish_for_discreet_mails_is_a_confirmed_ones(
    app: Flask, gone: tuple[str, bool], kept: tuple[str, bool], expected: bool
) -> None:
    names = ("state", "is_discreet")
    left = merged(dict(zip(names, gone, strict=True)), dict(zip(names, kept, strict=True)))
    assert left.is_discreet is expected
