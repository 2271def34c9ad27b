"""Which promise holds on this installation: asked of the machine and the database, not assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from config.database import db
from config.settings import INSTANCE, Settings
from mail.models import OutgoingEmail, State
from safety import machine
from safety.drill.loot import database_files
from safety.panic import is_stopped
from safety.words_promises import SENTENCES
from staff.log import audit_rows
from staff.models import AuditEvent, StaffMember
from vault.models import Holder, VaultPair, VaultShare
from vault.services import VaultMissing, state_of_keys, vault

BACKUP_EVERY = timedelta(days=7)
HEAD_EVERY = timedelta(days=2)


class Holds(StrEnum):
    """What was found out about a promise."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"


@dataclass(frozen=True)
class Promise:
    """One line of the page; the sentences are `words_promises.SENTENCES[name]`."""

    name: str
    holds: Holds
    fact: str = ""

    @property
    def sentences(self) -> Any:
        """What is promised, why it matters, what to do."""
        return SENTENCES[self.name]


Fact = tuple[bool | None, str]


def check_promises(chosen: Settings, now: datetime) -> list[Promise]:
    """Every promise, those that do not hold first."""
    found = [
        Promise(name, _holds(answer), fact)
        for name, check in _checks(chosen, now)
        for answer, fact in [check()]
    ]
    return sorted(found, key=lambda promise: list(Holds).index(promise.holds))


def _holds(answer: bool | None) -> Holds:
    return Holds.UNKNOWN if answer is None else Holds.YES if answer else Holds.NO


def _checks(chosen: Settings, now: datetime) -> Iterator[tuple[str, Callable[[], Fact]]]:
    """In the order in which they matter."""
    files = database_files()
    yield "intake", lambda: (not is_stopped(), "")
    yield "volatile", _volatile
    yield "index-key", _index_key
    yield "swap", lambda: (machine.is_swap_safe(), "")
    yield "cores", lambda: (machine.are_cores_refused(), "")
    yield "keys-private", lambda: (machine.is_private(chosen.keys_dir), str(chosen.keys_dir))
    yield "settings-private", _settings_private
    if files:
        yield "database-private", lambda: (_is_database_private(files[0]), str(files[0].parent))
        yield "keys-apart", lambda: (_is_apart(chosen.keys_dir, files[0].parent), "")
    yield "no-backup-beside", lambda: _no_backup_beside(chosen, files)
    yield "https", lambda: (chosen.is_secure or ".onion" in chosen.base_url, chosen.base_url)
    yield "two-holders", _two_holders
    yield "recovery", lambda: (_key_holders("recovery") > 0, "")
    yield "second-factors", _second_factors
    yield "alerts", lambda: (len(set(chosen.alert_emails)) >= 2, str(len(set(chosen.alert_emails))))
    yield "backup", lambda: _backup(chosen, now)
    yield "audit-head", lambda: _audit_head(now)


def _volatile() -> Fact:
    try:
        facts = vault().keys.facts()
    except VaultMissing:
        return None, ""
    return facts.vanishes, facts.filesystem or facts.kind


def _index_key() -> Fact:
    try:
        return state_of_keys().has_index_key, ""
    except VaultMissing:
        return None, ""


def _settings_private() -> Fact:
    file = INSTANCE / "settings.env"
    return (machine.is_private(file), file.name) if file.exists() else (True, "")


def _is_database_private(file: Path) -> bool | None:
    """Of file and folder one is closed to others."""
    answers = machine.is_private(file), machine.is_private(file.parent)
    return True if True in answers else answers[0]


def _is_apart(keys_dir: Path, folder: Path) -> bool:
    return not keys_dir.resolve().is_relative_to(folder.resolve())


def _no_backup_beside(chosen: Settings, files: tuple[Path, ...]) -> Fact:
    folders = {chosen.keys_dir, chosen.keys_dir.parent, INSTANCE, *(path.parent for path in files)}
    found = machine.backups_beside(*folders)
    return not found, found[0].name if found else ""


def _key_holders(kind: str) -> int:
    """Holders of this kind with a share in the vault that seals."""
    newest = select(func.max(VaultPair.id)).where(VaultPair.retired_at.is_(None))
    statement = (
        select(func.count())
        .select_from(Holder)
        .join(VaultShare, VaultShare.holder_id == Holder.id)
        .where(Holder.kind == kind, VaultShare.vault_id == newest.scalar_subquery())
    )
    return db.session.scalar(statement) or 0


def _two_holders() -> Fact:
    n = _key_holders("staff")
    return n >= 2, str(n)


def _second_factors() -> Fact:
    active = select(func.count()).where(StaffMember.state == "active")
    without = db.session.scalar(active.where(StaffMember.totp_step.is_(None))) or 0
    return without == 0, str(without) if without else ""


def _backup(chosen: Settings, now: datetime) -> Fact:
    made = audit_rows.newest(AuditEvent.action == "backup.made")
    fact = f"{made.at:%Y-%m-%d}" if made else ""
    return bool(chosen.backup_recipient and made and now - made.at <= BACKUP_EVERY), fact


def _audit_head(now: datetime) -> Fact:
    sent = select(func.max(OutgoingEmail.day)).where(
        OutgoingEmail.kind == "audit-head", OutgoingEmail.state == State.SENT
    )
    last = db.session.scalar(sent)
    return bool(last and now.date() - last <= HEAD_EVERY), last.isoformat() if last else ""
