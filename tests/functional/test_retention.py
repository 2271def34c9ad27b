"""What is kept for a time only goes when that is over, and the dry run says so before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from config.database import db
from contacts import tally
from contacts.jobs import preview, run_retention
from contacts.models import Consent, Contact
from petitions.models import Petition, Signature
from tests.support.visitor import mails, sign, volunteer
from volunteers.models import VolunteerSignup
from volunteers.services import review

UNCONFIRMED, CLOSED = "deeds not confirmed in time", "signatures of petitions that have closed"
DECLINED, CONTACTS = "volunteers who were declined", "contacts that nothing keeps"


def rows() -> dict[str, int]:
    """How many rows each table has."""
    models = (Contact, Signature, VolunteerSignup, Consent)
    return {
        m.__tablename__: db.session.scalar(select(func.count()).select_from(m)) or 0 for m in models
    }


def run(days: int) -> dict[str, int]:
    """A run so many days from now, as its dry run before had said; only what it dropped."""
    now = datetime.now(UTC) + timedelta(days=days)
    before = rows(), tally.totals("signature.confirmed")
    said = preview(now)
    assert (rows(), tally.totals("signature.confirmed")) == before
    db.session.rollback()
    assert run_retention(now) == said
    return {name: number for name, number in said.items() if number}


def confirm_last(client: FlaskClient) -> None:
    """Follow the link in the newest mail."""
    assert client.post(mails()[-1].params["path"]).status_code == 303


def close_petitions(on: date) -> None:
    """Set the last day of every petition."""
    db.session.execute(update(Petition).values(closes_on=on))
    db.session.commit()


def test_unconfirmed_deeds_go_after_seven_days(client: FlaskClient) -> None:
    sign(client, email="never@example.org", newsletter="y")
    sign(client, email="twice@example.org")
    confirm_last(client)
    sign(client, email="twice@example.org")
    volunteer(client, email="never@example.org")
    assert run(days=7) == {}
    assert run(days=8) == {UNCONFIRMED: 3, CONTACTS: 1}
    assert rows() == {"contact": 1, "signature": 1, "volunteer_signup": 0, "consent": 1}
    assert tally.total("signature.pending") == tally.total("volunteer.pending") == 0
    assert tally.total("signature.confirmed") == 1


def test_signatures_of_a_closed_petition_become_a_count(client: FlaskClient) -> None:
    sign(client, email="reader@example.org", newsletter="y")
    confirm_last(client)
    sign(client, email="signer@example.org")
    confirm_last(client)
    sign(client, email="late@example.org")
    close_petitions(datetime.now(UTC).date() - timedelta(days=88))  # kept for 90
    assert run(days=2) == {}
    assert run(days=3) == {CLOSED: 3, CONTACTS: 2}
    assert tally.total("signature.confirmed") == 2
    assert tally.by_country("signature.confirmed", least=1) == {"LT": 2}
    assert tally.total("signature.pending") == 0
    # who wants news stays, with the words of that consent alone
    assert rows() == {"contact": 1, "signature": 0, "volunteer_signup": 0, "consent": 1}
    assert db.session.scalar(select(Consent.purpose)) == "newsletter"


def test_declined_volunteers_go_and_active_ones_stay(client: FlaskClient) -> None:
    for email in ("one@example.org", "two@example.org"):
        volunteer(client, email=email)
        confirm_last(client)
    first = db.session.scalars(select(VolunteerSignup.id)).first()
    assert first
    review(first, "new", "declined", datetime.now(UTC) - timedelta(days=1))
    long_ago = datetime.now(UTC).date() - timedelta(days=900)
    db.session.execute(update(VolunteerSignup).values(day=long_ago))
    db.session.commit()
    assert run(days=179) == {}
    assert run(days=180) == {DECLINED: 1, CONTACTS: 1}
    assert (tally.total("volunteer.declined"), tally.total("volunteer.new")) == (0, 1)
    assert rows()["contact"] == 1


def test_the_command_says_it_first_and_does_it_then(app: Flask, client: FlaskClient) -> None:
    sign(client)
    db.session.execute(update(Signature).values(day=date(2026, 1, 1)))
    db.session.commit()
    runner = app.test_cli_runner()
    said = runner.invoke(args=["retention", "run", "--dry-run"])
    assert said.exit_code == 0, said.output
    assert rows()["signature"] == 1
    db.session.rollback()
    done = runner.invoke(args=["retention", "run"])
    assert done.exit_code == 0, done.output
    assert said.output.splitlines()[1:] == done.output.splitlines()[1:]
    assert f"{UNCONFIRMED}  " in done.output
    assert rows() == {"contact": 0, "signature": 0, "volunteer_signup": 0, "consent": 0}


def test_one_batch_that_fails_stops_nothing_else(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(client, email="never@example.org")
    monkeypatch.setattr("contacts.jobs.WORKER_SECONDS", 0.0)
    from contacts.jobs import keep_to_times

    later = datetime.now(UTC) + timedelta(days=8)
    assert set(run_retention(later, seconds=0).values()) == {0}  # no time, nothing done
    assert keep_to_times(later)
