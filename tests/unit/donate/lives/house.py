"""The application that lives are played on, in this process and in those that are killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from config.database import db
from donate.gateway import init_gateway
from tests.unit.donate.desk import KEY, SECRETS, create_small_app

# Two decimals, none, three, and those that Stripe counts with decimals which nobody uses
CURRENCIES = ("EUR", "USD", "JPY", "KWD", "ISK", "UGX", "HUF")
NO_LIMIT = "1000000 per hour"
CACHES = ("vigil_consent_texts", "vigil_guard_pulse", "vigil_stripe_pauses")


def open_house(home: Path, database_url: str, stripe_url: str) -> Flask:
    """On an installation that is there. A killed process loses nothing by a lazy disk."""
    app = create_small_app(
        home,
        database_url,
        stripe_secret_key=KEY,
        stripe_webhook_secrets=SECRETS,
        stripe_api_base=stripe_url,
        currencies=CURRENCIES,
        checkout_limit=NO_LIMIT,
        checkout_limit_overall=NO_LIMIT,
        form_limit=NO_LIMIT,
    )
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _hurry)
    return app


def forget(app: Flask) -> None:
    """Begin anew on another database in the same place: nothing is known of the one before."""
    for name in CACHES:
        app.extensions.pop(name, None)
    init_gateway(app, app.extensions["vigil_settings"])
    with app.app_context():
        db.engine.dispose()


def _hurry(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
