"""How long somebody waits after wrong passphrases: by the browser they use, else by the name.

The wait is written down before a passphrase is tried, so that many tries at once count as many. It
doubles from one second to five minutes (OWASP, Authentication Cheat Sheet) and ends by itself:
nobody can lock somebody else out for good.
"""

from __future__ import annotations

import hmac
import math
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from config.database import db, insert_or_update
from staff.models import KnownBrowser, SignInDelay
from vault.services import vault

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(days=1)


def normalise_name(typed: str) -> str:
    """The one form of a sign-in name, however it was typed."""
    return " ".join(unicodedata.normalize("NFKC", typed).casefold().split())


def take_turn(name: str, now: datetime) -> int:
    """Count a try for a name; the seconds to wait, 0 where it may be made now. Flushes.

    Known and unknown names alike.
    """
    name_hash = _hash_name(name, now)
    db.session.execute(delete(SignInDelay).where(SignInDelay.not_before < now - FORGOTTEN_AFTER))
    first = insert_or_update(SignInDelay).values(
        name_hash=name_hash, attempts=1, not_before=now + FIRST_DELAY
    )
    is_first = first.on_conflict_do_nothing().returning(SignInDelay.attempts)
    if db.session.execute(is_first).first():
        return 0
    seen = db.session.execute(
        select(SignInDelay.attempts, SignInDelay.not_before)
        .where(SignInDelay.name_hash == name_hash)
        .with_for_update()
    ).one_or_none()
    if seen is None:  # the right passphrase came in at this moment
        return 0
    if left := _left(seen.not_before, now):
        return left
    db.session.execute(
        update(SignInDelay)
        .where(SignInDelay.name_hash == name_hash)
        .values(attempts=seen.attempts + 1, not_before=now + _delay(seen.attempts))
    )
    return 0


def take_turn_of_browser(token_hash: bytes, now: datetime) -> int:
    """As `take_turn`, for a browser that its owner has signed in with before. Flushes."""
    seen = db.session.execute(
        select(KnownBrowser.attempts, KnownBrowser.not_before)
        .where(KnownBrowser.token_hash == token_hash)
        .with_for_update()
    ).one_or_none()
    if seen is None:  # its owner signed in with it, or was removed, at this moment
        return 0
    if left := _left(seen.not_before, now):
        return left
    is_old = seen.not_before is not None and seen.not_before < now - FORGOTTEN_AFTER
    attempts = 0 if is_old else seen.attempts
    db.session.execute(
        update(KnownBrowser)
        .where(KnownBrowser.token_hash == token_hash)
        .values(attempts=attempts + 1, not_before=now + _delay(attempts))
    )
    return 0


def forget_turns(name: str, now: datetime) -> None:
    """Start to count a name anew, after the right passphrase. Flushes."""
    db.session.execute(delete(SignInDelay).where(SignInDelay.name_hash == _hash_name(name, now)))


def forget_turns_of_browser(token_hash: bytes) -> None:
    """Start to count a browser anew, after the right passphrase. Flushes."""
    db.session.execute(
        update(KnownBrowser)
        .where(KnownBrowser.token_hash == token_hash)
        .values(attempts=0, not_before=None)
    )


def _delay(attempts: int) -> timedelta:
    doubled: timedelta = FIRST_DELAY * 2 ** min(attempts, 20)
    return min(doubled, LONGEST_DELAY)


def _left(not_before: datetime | None, now: datetime) -> int:
    if not_before is None or not_before <= now:
        return 0
    return math.ceil((not_before - now).total_seconds())


def _hash_name(name: str, now: datetime) -> bytes:
    key = vault().daily_key("sign-in", now.date())
    return hmac.digest(key, normalise_name(name).encode("utf-8", "surrogatepass"), "sha256")
