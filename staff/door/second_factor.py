"""The second factor: a code of six digits that an app makes anew every 30 seconds (RFC 6238).

Its secret lies behind the private key in the holder's wrap, so that no table gives it away. No code
works twice: the guarded update of `StaffMember.totp_step` decides.
"""

from __future__ import annotations

import base64
import hmac
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import segno
from pyotp import TOTP
from sqlalchemy import ColumnElement, update

from config.database import db
from config.settings import LOOPBACK_HOSTS, settings
from staff.models import StaffMember

View = TypeVar("View", bound=Callable[..., Any])

STEP_SECONDS = 30
DRIFT = (0, -1, 1)  # steps that a clock may be off (RFC 6238, 5.2)
SECRET_BYTES = 20  # as RFC 4226, section 4, recommends
DIGITS = 6
NO_SECRET = bytes(SECRET_BYTES)  # stands in, so that no answer comes sooner
GROUP = 4


def open_before_factor(view: View) -> View:
    """Mark a view that somebody reaches before the second factor is set up."""
    view.is_before_factor = True  # type: ignore[attr-defined]
    return view


def is_open_before_factor(view: Callable[..., Any] | None) -> bool:
    """Whether a view is marked."""
    return getattr(view, "is_before_factor", False)


def may_wait() -> bool:
    """Whether the second factor can be put off: only where nobody else reaches the service."""
    return urlsplit(settings().base_url).hostname in LOOPBACK_HOSTS


def matching_step(secret: bytes | None, typed: str, now: datetime) -> int | None:
    """The time step whose code was typed; None where none was. Spaces in it do not matter."""
    code = "".join(typed.split())
    totp, step = _totp(secret or NO_SECRET), int(now.timestamp()) // STEP_SECONDS
    found = [step + drift for drift in DRIFT if _is_same(totp.generate_otp(step + drift), code)]
    return found[0] if found and secret else None


def spend_step(staff_id: uuid.UUID, step: int) -> bool:
    """Use up the code of a step and of all before it; False where that has happened. Flushes."""
    return _set_step(step, StaffMember.id == staff_id, StaffMember.totp_step < step)


def set_up(staff_id: uuid.UUID, step: int) -> bool:
    """Ask for codes from now on, the first being used; False where that is so. Flushes."""
    return _set_step(step, StaffMember.id == staff_id, StaffMember.totp_step.is_(None))


def is_still_without(staff_id: uuid.UUID) -> bool:
    """Whether a member has set up none to this moment, and nobody does until the commit."""
    return _set_step(None, StaffMember.id == staff_id, StaffMember.totp_step.is_(None))


def typed_secret(secret: bytes) -> str:
    """The secret as somebody types it into an app: base32, in groups of four."""
    text = _base32(secret)
    return " ".join(text[start : start + GROUP] for start in range(0, len(text), GROUP))


def key_uri(secret: bytes, name: str) -> str:
    """The address that an app takes the secret from (Key Uri Format)."""
    return _totp(secret).provisioning_uri(name=name, issuer_name=settings().organisation)


def picture(uri: str) -> str:
    """The QR code of an address, as an image that stands in the page itself: a data: URI.

    Dark on light in dark mode too, or few apps read it.
    """
    code = segno.make_qr(uri, error="m")
    return str(code.svg_data_uri(dark="#000", light="#fff", border=4, scale=4))


def _set_step(step: int | None, *where: ColumnElement[bool]) -> bool:
    moved = db.session.execute(
        update(StaffMember).where(*where, StaffMember.state == "active").values(totp_step=step)
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _totp(secret: bytes) -> TOTP:
    return TOTP(_base32(secret), digits=DIGITS, interval=STEP_SECONDS)


def _base32(secret: bytes) -> str:
    return base64.b32encode(secret).decode()


def _is_same(code: str, typed: str) -> bool:
    return hmac.compare_digest(code.encode(), typed.encode("utf-8", "surrogatepass"))
