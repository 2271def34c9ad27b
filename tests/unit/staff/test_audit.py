"""The audit log holds ids and declared keys, and is read by administrators."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from config.database import db
from staff import audit
from staff.models import AuditEvent
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser


@pytest.mark.parametrize(
    ("action", "details"), [("contact.deleted", {}), ("volunteer.moved", {"name": "Ada"})]
)
def test_what_is_not_declared_is_not_written(
    app: Flask, action: str, details: dict[str, str]
) -> None:
    with app.app_context(), pytest.raises(ValueError, match="not declared"):
        audit.record(action, NOW, actor=None, subject=("x", None), **details)


def test_log_is_paged_newest_first(app: Flask, admin: Browser) -> None:
    subject = uuid.uuid4()
    with app.app_context():
        for _ in range(audit.PAGE + 3):
            audit.record("mail.requeued", NOW, actor=admin.staff_id, subject=("mail", subject))
        db.session.commit()
        highest = max(db.session.scalars(select(AuditEvent.seq)))
    first = admin.get("/staff/audit").text
    assert first.count(str(subject)) == audit.PAGE
    following = f"/staff/audit?before={highest - audit.PAGE + 1}"
    assert following in first
    second = admin.get(following).text
    assert second.count(str(subject)) == 3
    assert "Vault made" in second
    assert 'rel="next"' not in second
