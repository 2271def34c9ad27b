"""One reminder of what was not confirmed, and none of what was."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from config.database import db
from mail.models import OutgoingEmail
from tests.support.letters import confirm, counted, header, path_of
from tests.support.visitor import sign, volunteer


def test_reminder_leads_to_the_same_place_and_is_the_only_one(
    client: FlaskClient, deliver: Any
) -> None:
    sign(client)
    volunteer(client, email="other@example.org")
    first = deliver()
    assert deliver(days=1.9) == []
    second = deliver(days=2)
    assert {m.to[0] for m in second} == {"anna@example.org", "other@example.org"}
    assert {path_of(m, "confirm") for m in second} == {path_of(m, "confirm") for m in first}
    assert len({header(m, "Message-ID") for m in [*first, *second]}) == 4
    assert deliver(days=4) == []
    for message in second:
        confirm(client, message)
    assert counted() == (0, 1)


def test_whoever_has_confirmed_is_not_reminded(client: FlaskClient, deliver: Any) -> None:
    sign(client)
    confirm(client, deliver()[0])
    assert db.session.scalars(select(OutgoingEmail.blob)).all() == [None]
    assert deliver(days=2) == []
