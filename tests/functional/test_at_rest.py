"""What visitors tell stands nowhere in clear at rest: database, its log, keys, our own log."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from config.database import db
from donate.facts import Payer, PaymentFacts
from donate.models import Donation, State
from donate.recording import record
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.support.visitor import errors, mails, post_form, sign, volunteer

CANARIES = (
    "Kanarkova",
    "Канаркова",
    "kanarka@example.org",
    "61234987",
    "kanarkish",
    "canary words",
)


def disguises(word: str) -> Iterator[bytes]:
    """A word as text, as wide text, as JSON escapes, and inside base64 at each offset."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        plain = word.encode(encoding)
        yield plain
        yield plain.hex().encode()
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + plain).rstrip(b"=")
            yield coded[(offset * 8 + 5) // 6 : -1]
    yield word.encode("unicode_escape")


def found_in(files: list[Path]) -> list[str]:
    """Which canaries stand in which files."""
    patterns = {word: [p for p in disguises(word) if len(p) >= 6] for word in CANARIES}
    found = []
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a live server's: it removes some of its files
            continue
        found += [
            f"{word} in {path.name}"
            for word, forms in patterns.items()
            if any(form in content for form in forms)
        ]
    return found


def files_of(instance: Instance, cluster: Path) -> list[Path]:
    """All that the installation and its database wrote."""
    files = instance.files()
    if instance.engine == "postgresql":
        files += [path for path in cluster.rglob("*") if path.is_file()]
    return files


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    for number, hidden in enumerate(
        ["Канаркова".encode("utf-16-le"), base64.b64encode(b"xx kanarka@example.org"), b"Kanarkova"]
    ):
        (tmp_path / str(number)).write_bytes(b"..." + hidden + b"...")
    assert len(found_in(sorted(tmp_path.iterdir()))) == 3


def test_nothing_personal_is_at_rest(
    app: Flask,
    client: FlaskClient,
    instance: Instance,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    who = {"name": "Kanarkova Канаркова", "email": "kanarka@example.org"}
    assert sign(client, **who, newsletter="y").status_code == 303
    assert (
        volunteer(
            client, **who, phone="+370 612 34987", languages="kanarkish", message="canary words"
        ).status_code
        == 303
    )
    assert errors(sign(client, name="Kanarkova", email="kanarka@").text)
    client.post(mails()[0].params["path"])
    gift = {"amount": "25", "currency": "EUR", "frequency": "once", "fund": "families"}
    post_form(client, "/en/donate", gift)  # Stripe does not answer here; the gift is written down
    donation_id = db.session.scalars(select(Donation.id)).one()
    db.session.rollback()
    pay(donation_id)
    path = "/en/confirm/" + "kanarka@example.org"
    client.get(path)
    if instance.engine == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("CHECKPOINT")
    cluster = request.getfixturevalue("postgres").folder
    assert found_in(files_of(instance, cluster)) == []
    printed = "".join(capfd.readouterr())
    assert not any(word in printed for word in CANARIES)


def pay(donation_id: uuid.UUID) -> None:
    """Record what Stripe would say of a paid gift."""
    donation = db.session.get_one(Donation, donation_id)
    donation.state, donation.stripe_session_id = State.OPEN, "cs_test_1"
    db.session.flush()
    facts = PaymentFacts(
        asked_at=NOW,
        state=State.PAID,
        amount_minor=2500,
        currency="EUR",
        donation_id=donation_id,
        session_id="cs_test_1",
        payment_intent_id="pi_1",
        payer=Payer("Kanarkova", "kanarka@example.org", "LT"),
    )
    assert record(facts, NOW)
    db.session.commit()
