"""Putting a mail into the outbox, sealed, in the caller's transaction; requeueing and clearing out.

The mail key is volatile (it goes with the power), so that a stolen disk holds no address.
A limit on mails per address is kept by the unique (cap_key, cap_slot): two requests at the same
moment count the same number of mails, try the same slot, and one of them gets it.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nacl.exceptions import CryptoError
from nacl.secret import Aead
from sqlalchemy import CursorResult, Integer, Select, bindparam, delete, func, select, update
from sqlalchemy.sql.dml import Insert

from config.database import db, insert_or_update
from config.prepared import binds
from mail.models import DONE, OutgoingEmail, State
from vault.services import vault

LIFETIME = timedelta(hours=24)
KEEP_DONE = timedelta(days=30)
BLOCK = 256  # bytes; the sealed text is padded to a multiple, so that its length tells nothing

COLUMNS = (
    "id", "idem_key", "kind", "language", "state", "attempts", "due_at", "expires_at", "day",
    "blob",
)  # fmt: skip

_table: Any = OutgoingEmail.__table__


class UnreadableMail(Exception):
    """The mail key has gone with the power, or the blob is not this row's."""


class Purged(NamedTuple):
    """How many rows a purge has expired and dropped."""

    expired: int
    dropped: int


def queueing(is_capped: bool) -> Insert:
    """The statement that queues a mail, alone or as part of a larger one; see `queued_values`.

    It adds nothing where `idem_key` is known already, or where the address has been given as many
    mails this day (UTC) as the cap allows.
    """
    row: dict[str, Any] = binds(_table, "mail", *COLUMNS)
    source: Select[Any] = select(*row.values())
    if is_capped:
        key = bindparam("mail_cap_key", type_=_table.c.cap_key.type, required=True)
        sent = select(func.count()).select_from(_table).where(_table.c.cap_key == key)
        slot = sent.scalar_subquery()
        row |= {"cap_key": key, "cap_slot": slot}
        source = select(*row.values()).where(slot < bindparam("mail_cap", type_=Integer()))
    statement: Insert = (
        insert_or_update(_table)
        .from_select(list(row), source, include_defaults=False)
        .on_conflict_do_nothing()
    )
    return statement


def queued_values(
    *,
    kind: str,
    idem_key: str,
    language: str,
    to: str,
    params: Mapping[str, str],
    now: datetime,
    lifetime: timedelta = LIFETIME,
    cap: int | None = None,
) -> dict[str, Any]:
    """The values for `queueing(cap is not None)`, the address and the parameters sealed.

    `params` are for the template and never hold words typed by a visitor; `idem_key` is made of
    ids only. After `lifetime` the mail is not sent any more.
    """
    row_id = uuid.uuid4()
    row = {
        "id": row_id,
        "idem_key": idem_key,
        "kind": kind,
        "language": language,
        "state": State.QUEUED.value,
        "attempts": 0,
        "due_at": now,
        "expires_at": now + lifetime,
        "day": now.date(),
        "blob": seal(row_id, to, params),
    }
    if cap is not None:
        row |= {"cap": cap, "cap_key": vault().address_cap_key(to, now.date())}
    return {f"mail_{name}": value for name, value in row.items()}


def enqueue(
    *,
    kind: str,
    idem_key: str,
    language: str,
    to: str,
    params: Mapping[str, str],
    now: datetime,
    lifetime: timedelta = LIFETIME,
    cap: int | None = None,
) -> bool:
    """Queue a mail in the open transaction; False where it was queued before or the cap is reached.

    See `queued_values`. The caller commits.
    """
    values = queued_values(
        kind=kind,
        idem_key=idem_key,
        language=language,
        to=to,
        params=params,
        now=now,
        lifetime=lifetime,
        cap=cap,
    )
    return _changed(queueing(cap is not None), values) == 1


def seal(row_id: uuid.UUID, to: str, params: Mapping[str, str]) -> bytes:
    """The address and what the template needs, under the mail key, bound to this row."""
    text = json.dumps({"to": to, "params": dict(params)}).encode()
    padded = text.ljust(-(-len(text) // BLOCK) * BLOCK)
    return bytes(Aead(vault().mail_key()).encrypt(padded, row_id.bytes))


def unseal(row_id: uuid.UUID, blob: bytes, key: bytes) -> tuple[str, dict[str, str]]:
    """The address and the parameters again; raises UnreadableMail."""
    try:
        content = json.loads(Aead(key).decrypt(blob, row_id.bytes))
    except (CryptoError, ValueError):
        raise UnreadableMail from None
    return content["to"], content["params"]


def mark_of(row_id: uuid.UUID, key: bytes, kind: str) -> str:
    """What a mail is called outside (its Message-ID): the same each time it is sent.

    Not the row's id: relays log Message-IDs beside addresses, and the row leads to the deed. A
    confirmation and its reminder are two mails of one row.
    """
    return hmac.digest(key, b"message-id:" + row_id.bytes + kind.encode(), "sha256")[:16].hex()


def requeue(email_id: uuid.UUID, now: datetime) -> bool:
    """Give a failed mail another round of attempts; False where it has none coming any more."""
    return _requeue(now, OutgoingEmail.id == email_id) == 1


def requeue_failed(now: datetime) -> int:
    """Give every failed mail that has not expired another round; says how many."""
    return _requeue(now)


def purge(now: datetime) -> Purged:
    """Erase what nobody needs any more: overdue addresses, yesterday's cap keys, old rows."""
    overdue = (
        OutgoingEmail.expires_at <= now,
        OutgoingEmail.state.in_([State.QUEUED, State.FAILED]),
    )
    expired = _changed(update(_table).where(*overdue).values(state=State.EXPIRED, blob=None))
    _changed(
        update(_table)
        .where(OutgoingEmail.day < now.date(), OutgoingEmail.cap_key.is_not(None))
        .values(cap_key=None, cap_slot=None)
    )
    dropped = _changed(
        delete(_table).where(
            OutgoingEmail.day < (now - KEEP_DONE).date(), OutgoingEmail.state.in_(DONE)
        )
    )
    return Purged(expired, dropped)


def _requeue(now: datetime, *which: Any) -> int:
    return _changed(
        update(_table)
        .where(OutgoingEmail.state == State.FAILED, OutgoingEmail.expires_at > now, *which)
        .values(state=State.QUEUED, attempts=0, due_at=now, error=None)
    )


def _changed(statement: Any, values: Mapping[str, Any] | None = None) -> int:
    # SQLAlchemy does not keep the count of an insert unless asked
    options = {"preserve_rowcount": True}
    result = db.session.execute(statement, values, execution_options=options)
    return result.rowcount if isinstance(result, CursorResult) else 0
