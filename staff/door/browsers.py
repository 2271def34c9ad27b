"""Browsers: those in which somebody has signed in before, and what a list calls one.

A known browser has its own count of wrong passphrases; all others share the count of the name. So
whoever guesses from elsewhere makes nobody wait who works here (OWASP, Slow Down Online Guessing
Attacks with Device Cookies). The cookie opens nothing.
"""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime, timedelta

from flask import request
from sqlalchemy import delete, insert, select
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from staff.door import tokens
from staff.door.delays import normalise_name
from staff.models import KnownBrowser, StaffMember

COOKIE = "vigil_browser"
KNOWN_FOR = timedelta(days=180)

# The first that fits; many a browser also calls itself by the names further down.
NAMES = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"), ("FxiOS", "Firefox"), ("Firefox", "Firefox"), ("CriOS", "Chrome"),
    ("Chrome", "Chrome"), ("Version", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"),
    ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def label() -> str:
    """What a list of sessions calls the browser that asks: "Firefox, Linux", and no more."""
    agent = request.headers.get("User-Agent", "")[:1000]
    name = next((name for mark, name in NAMES if re.search(rf"\b{mark}\w*/", agent)), "")
    system = next((system for mark, system in SYSTEMS if mark in agent), "")
    return ", ".join(filter(None, (name, system)))


def known_to(name: str) -> bytes | None:
    """The hash of the browser's token where whoever has this name signed in with it before."""
    token = tokens.read_cookie(COOKIE)
    if not token:
        return None
    return db.session.scalar(
        select(KnownBrowser.token_hash)
        .join(StaffMember, StaffMember.id == KnownBrowser.staff_id)
        .where(
            KnownBrowser.token_hash == tokens.hash_token(token),
            StaffMember.name == normalise_name(name),
            StaffMember.state == "active",
        )
    )


def remember(staff_id: uuid.UUID, now: datetime) -> bytes:
    """Know the browser that asks from now on, by a new token, which is returned. Flushes."""
    token, old = tokens.draw_token(), tokens.hash_token(tokens.read_cookie(COOKIE))
    db.session.execute(delete(KnownBrowser).where(KnownBrowser.token_hash == old))
    db.session.execute(
        insert(KnownBrowser).values(
            token_hash=tokens.hash_token(token), staff_id=staff_id, attempts=0, day=now.date()
        )
    )
    return token


def set_cookie(response: AnyResponse, token: bytes) -> None:
    """Give the browser the token by which it is known."""
    tokens.write_cookie(response, COOKIE, token, KNOWN_FOR)


def drop_unused(today: date) -> None:
    """Forget browsers that nobody has signed in with for long. Flushes."""
    db.session.execute(delete(KnownBrowser).where(KnownBrowser.day < today - KNOWN_FOR))
