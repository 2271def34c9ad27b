"""Whether a gift may begin: at once, with a proof, or not for some minutes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import exists, select

from config.database import db, insert_or_update
from config.settings import settings
from donate.guard import proof, queries, waiting
from donate.guard.forms import ProofForm
from donate.guard.levels import Level
from donate.guard.models import SpentProof
from donate.guard.proof import BadProof, Spendable
from donate.guard.waiting import TooSoon
from web import throttle


class Ask(StrEnum):
    """What stands in the way of a gift, or why what was sent did not count."""

    NOTHING = ""
    PROOF = "proof"
    AGAIN = "again"  # it had run out, or was used before
    SOONER = "sooner"  # not waited long enough
    QUEUE = "queue"  # waited, but so have many others
    CLOSED = "closed"


@dataclass(frozen=True)
class Verdict:
    """Whether a gift may begin; where not, what donate/proof.html asks for."""

    ask: Ask = Ask.NOTHING
    retry_after: int = 0  # seconds
    waited: str = ""  # the token of the slower path

    @property
    def is_admitted(self) -> bool:
        """On to the payment."""
        return self.ask is Ask.NOTHING

    @property
    def asks_proof(self) -> bool:
        """The donor can go on, with a proof or a wait."""
        return self.ask not in {Ask.NOTHING, Ask.CLOSED}

    @property
    def minutes(self) -> int:
        """`retry_after` in whole minutes, rounded up."""
        return -(-self.retry_after // 60)

    @property
    def status(self) -> int:
        """The status of the answer."""
        if self.is_admitted:
            return 200
        return 503 if self.ask is Ask.CLOSED else 429


def admit(form: ProofForm, now: datetime) -> Verdict:
    """Whether this gift may begin. May write: the caller commits with the gift, else rolls back.

    No network is ever refused: one that has used its quota up is asked for a proof, as all are
    while giving looks odd. Raises VaultMissing.
    """
    pulse = queries.pulse_now(now)
    if pulse.level is Level.CLOSED and pulse.closed_until:
        return Verdict(Ask.CLOSED, retry_after=_seconds(pulse.closed_until - now))
    has_quota = throttle.spend(settings().checkout_limit, form.quota_purpose, form.quota_cost)
    if has_quota and pulse.level is Level.CALM:
        queries.note_session()
        return Verdict()
    return _weigh(form.altcha.data or "", form.waited.data or "", now)


def keep_asking(form: ProofForm, now: datetime) -> Verdict | None:
    """For a form that comes back for another reason: ask on where a proof was under way."""
    if not form.waited.data and not form.altcha.data:
        return None
    return _ask(Ask.PROOF, now, form.waited.data or "")


def _weigh(answer: str, token: str, now: datetime) -> Verdict:
    """The work of a browser counts, else the wait."""
    try:
        if (answer and _has_worked(answer, now)) or (token and _has_waited(token, now)):
            return Verdict()
    except TooSoon as soon:
        if answer:
            return _ask(Ask.AGAIN, now, token)
        return _ask(Ask.QUEUE if soon.is_queue else Ask.SOONER, now, token, soon.left)
    return _ask(Ask.AGAIN if answer or token else Ask.PROOF, now)


def _ask(ask: Ask, now: datetime, token: str = "", left: timedelta = waiting.WAIT) -> Verdict:
    """Ask; who waits already keeps the token, and with it the time waited."""
    return Verdict(ask, _seconds(left), token or waiting.make_token(now))


def _has_worked(answer: str, now: datetime) -> bool:
    try:
        return _spend(proof.check(answer, now))
    except BadProof:
        return False


def _has_waited(token: str, now: datetime) -> bool:
    """Raises TooSoon."""
    try:
        found = waiting.check(token, now)
    except BadProof:
        return False
    if db.session.scalar(select(exists().where(SpentProof.hash == found.hash))):
        return False  # a copy must not take somebody's turn
    waiting.take_turn()
    return _spend(found)


def _spend(found: Spendable) -> bool:
    """Whether it admits: of two copies the constraint lets one through."""
    statement = insert_or_update(SpentProof).values(hash=found.hash, expires_at=found.expires_at)
    spent = db.session.execute(statement.on_conflict_do_nothing().returning(SpentProof.hash))
    return spent.first() is not None


def _seconds(left: timedelta) -> int:
    return math.ceil(left.total_seconds())
