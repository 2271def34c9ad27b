"""Rounds of keyed work, taken by the test itself and not by a thread."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from config.database import db
from staff.door import sessions
from staff.models import KeyedWork, StaffMember, StaffSession
from staff.work.keyed_work import Shift
from tests.support.moments import NOW
from vault.services import vault


@dataclass
class Desk:
    """Somebody with a key who signs in and works."""

    app: Flask
    key: bytes
    now: datetime = NOW

    def sign_in(self) -> tuple[uuid.UUID, uuid.UUID]:
        """A member of staff and a session; the ids of both."""
        staff_id = uuid.uuid4()
        with self.app.app_context():
            name = f"keeper-{staff_id.hex[:6]}"
            db.session.add(StaffMember(id=staff_id, name=name, role="contacts", created_at=NOW))
            db.session.flush()
            sessions.start_session(staff_id, self.key, self.now)
            db.session.commit()
            query = select(StaffSession.id).where(StaffSession.staff_id == staff_id)
            return staff_id, db.session.scalars(query).one()

    def create_shift(self, clock: Callable[[], datetime] | None = None) -> Shift:
        """A round that has not begun."""
        staff_id, session_id = self.sign_in()
        with self.app.app_context():
            opener = vault().open_with(self.key)
        return Shift(self.app, opener, session_id, staff_id, clock or self.tick)

    def work(self) -> int:
        """One whole round; how many rows were done."""
        return self.create_shift().run()

    def tick(self) -> datetime:
        """The time, which goes on."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def figures(self, name: str) -> tuple[int, int]:
        """What the page would say of a step: done, left."""
        with self.app.app_context():
            row = db.session.get(KeyedWork, name)
            return (row.done, row.left) if row else (0, 0)

    def lose_keys(self) -> None:
        """The power goes."""
        with self.app.app_context():
            vault().keys.drop()

    def read(self, statement: Any) -> list[Any]:
        """What the database answers."""
        with self.app.app_context():
            return list(db.session.execute(statement).all())
