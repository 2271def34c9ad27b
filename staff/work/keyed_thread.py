"""The thread in which a web process does keyed work, and when it looks whether there is any."""

from __future__ import annotations

import atexit
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app

from staff.work.keyed_work import Shift, Step

WAIT_TO_STOP = 5.0  # seconds
REST = timedelta(seconds=5)  # between two looks for work
LONG_REST = timedelta(seconds=60)  # after a round that got nothing done


@dataclass
class Background:
    """The thread of one process, and when to look for work again."""

    app: Flask
    lock: threading.Lock = field(default_factory=threading.Lock)
    thread: threading.Thread | None = None
    shift: Shift | None = None
    next_look: datetime | None = None
    last_session: uuid.UUID | None = None

    def looks_again(self, session_id: uuid.UUID, now: datetime) -> bool:
        """Whether it is time to look for work; a session that is new looks at once."""
        with self.lock:
            if self.thread is not None and self.thread.is_alive():
                return False
            is_time = self.next_look is None or now >= self.next_look
            if not is_time and session_id == self.last_session:
                return False
            self.next_look, self.last_session = now + REST, session_id
            return True

    def start(self, shift: Shift) -> None:
        """Begin a shift in a thread that ends with the process."""
        with self.lock:
            if self.thread is not None and self.thread.is_alive():
                return
            self.shift = shift
            self.thread = threading.Thread(target=self._work, name="keyed-work", daemon=True)
            atexit.register(self.stop)
            self.thread.start()

    def stop(self) -> None:
        """Stop between two batches, and wait for that."""
        shift, thread = self.shift, self.thread
        if shift is not None:
            shift.told_to_stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(WAIT_TO_STOP)

    def _work(self) -> None:
        shift = self.shift
        if shift is not None:
            done = shift.run()
            self.next_look = shift.clock() + (REST if done else LONG_REST)
            self.shift = None  # and with it the key
            atexit.unregister(self.stop)


def init_keyed_work(app: Flask, made: Sequence[Step]) -> None:
    """Give the application its steps, in their order, and the thread that takes them."""
    app.extensions["vigil_keyed_steps"] = tuple(made)
    app.extensions["vigil_keyed_work"] = Background(app)


def background() -> Background:
    """The thread of this process."""
    return cast(Background, current_app.extensions["vigil_keyed_work"])
