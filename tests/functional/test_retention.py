"""What is not confirmed goes after seven days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import func, select

from config.database import db
from contacts import tally
from contacts.models import Consent, Contact
from contacts.retention import drop_unconfirmed
from petitions.models import Signature
from tests.support.visitor import mails, sign, volunteer
from volunteers.models import VolunteerSignup


def rows() -> dict[str, int]:
    """How many rows each table has."""
    models = (Contact, Signature, VolunteerSignup, Consent)
    return {
        m.__tablename__: db.session.scalar(select(func.count()).select_from(m)) or 0 for m in models
    }


def test_unconfirmed_deeds_go_after_seven_days(client: FlaskClient) -> None:
    sign(client, email="never@example.org", newsletter="y")
    sign(client, email="twice@example.org")
    client.post(mails()[-1].params["path"])
    sign(client, email="twice@example.org")
    volunteer(client, email="never@example.org")
    today = datetime.now(UTC)
    assert drop_unconfirmed(today + timedelta(days=7)) == 0
    assert drop_unconfirmed(today + timedelta(days=8)) == 3
    db.session.commit()
    assert rows() == {"contact": 1, "signature": 1, "volunteer_signup": 0, "consent": 1}
    assert tally.total("signature.pending") == tally.total("volunteer.pending") == 0
    assert tally.total("signature.confirmed") == 1
