"""What a visitor does, over HTTP: reads a form, fills it in, follows the link in the mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.database import db
from mail.models import OutgoingEmail
from mail.outbox import unseal
from vault.services import vault

PETITION = "/en/petitions/bring-the-children-home"
VOLUNTEER = "/en/volunteer"
PERSON = {
    "name": "Anna Kavalenka",
    "email": "anna@example.org",
    "country": "LT",
    "consent": "y",
}
HELPER = {
    **PERSON,
    "phone": "+370 612 34567",
    "languages": "Belarusian, Lithuanian",
    "skills": ["translation", "legal"],
    "availability": "weekly",
    "message": "I can start in March.",
}


@dataclass(frozen=True)
class Mail:
    """A mail in the outbox, unsealed."""

    kind: str
    language: str
    to: str
    params: dict[str, str]


def form_token(page: str) -> str:
    """The token drawn into a page."""
    found = re.search(r'name="form_token"[^>]*?value="([^"]+)"', page)
    assert found, "no form token in the page"
    return found[1]


def post_form(client: FlaskClient, path: str, values: dict[str, Any], **more: Any) -> TestResponse:
    """Read a page and send its form."""
    token = form_token(client.get(path).text)
    return client.post(path, data={"form_token": token, **values}, **more)


def sign(client: FlaskClient, path: str = PETITION, **values: Any) -> TestResponse:
    """Sign a petition."""
    return post_form(client, path, {**PERSON, **values})


def volunteer(client: FlaskClient, path: str = VOLUNTEER, **values: Any) -> TestResponse:
    """Sign up as a volunteer."""
    return post_form(client, path, {**HELPER, **values})


def mails() -> list[Mail]:
    """What the outbox holds, oldest first, as the worker will read it."""
    key = vault().mail_key()
    full = select(OutgoingEmail).where(OutgoingEmail.blob.is_not(None))
    rows = db.session.scalars(full.order_by(OutgoingEmail.due_at)).all()
    found = []
    for row in rows:
        to, params = unseal(row.id, row.blob or b"", key)
        found.append(Mail(row.kind, row.language, to, dict(params)))
    db.session.rollback()
    return found


def old_token(client: FlaskClient, seconds: int) -> str:
    """A form token that was drawn some seconds ago."""
    import time

    class Past(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time()) - seconds

    keys = client.application.extensions["vigil_form_keys"]
    signer = Past(keys, salt="vigil.form", key_derivation="hmac", digest_method=sha256)
    return signer.sign("form").decode()


def errors(page: str) -> list[str]:
    """The sentences of a page that say what is wrong."""
    return re.findall(r'class="error"[^>]*>\s*(.*?)\s*</', page, re.S)
