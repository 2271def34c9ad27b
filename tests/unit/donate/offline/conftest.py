"""A whole installation with a bank account, and who gives by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.database import db
from donate.models import Donation
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from web.tokens import make_form_token

IBAN = "DE89370400440532013000"
BANK = {"bank_holder": "Night Watch", "bank_iban": IBAN, "bank_bic": "COBADEFFXXX"}


@dataclass
class Counter:
    """The pages about transfers, and what they leave behind."""

    app: Flask
    client: FlaskClient

    def get(self, path: str = "/en/donate/transfer") -> TestResponse:
        return self.client.get(path)

    def announce(self, language: str = "en", **typed: str) -> TestResponse:
        form = {"form_token": make_form_token(), "amount": "25", "fund": "legal-help", **typed}
        return self.client.post(f"/{language}/donate/transfer", data=form)

    def donations(self) -> list[Donation]:
        db.session.rollback()
        return list(db.session.scalars(select(Donation).order_by(Donation.created_at)))

    def donation(self) -> Donation:
        (only,) = self.donations()
        return only


@pytest.fixture
def given() -> dict[str, Any]:
    """Settings of a test's own."""
    return {}


@pytest.fixture
def counter(instance: Instance, given: dict[str, Any]) -> Iterator[Counter]:
    app = instance.app(**{**BANK, **given})
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    with app.app_context():
        yield Counter(app, client)
        db.session.remove()
        db.engine.dispose()
