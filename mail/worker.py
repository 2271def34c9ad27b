"""The worker: sends what the outbox holds and runs the jobs that recur.

It claims, commits, speaks SMTP with no transaction open, and records each mail at once. Whatever
goes away for a time (the database, the mail server, the keys) is waited for.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

from flask import Flask
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.database import db
from config.settings import Settings
from mail import claims
from mail.claims import Claim
from mail.faults import MailError, PermanentMailError, TransientMailError
from mail.letter import Letter, write_letter
from mail.models import State
from mail.outbox import UnreadableMail, mark_of, unseal
from mail.reminders import is_reminder, take_slot
from mail.render import DISCREET, discreet, render
from mail.senders import Senders, wished_before
from mail.transport import TIMEOUT, MailServer, SmtpConnection
from vault.services import VaultMissing, vault

BATCH = 20  # mails in one claim and one connection
IDLE = 1.0  # seconds between looks into an empty outbox
AWAY = 1.0  # seconds until a database that is locked or gone is asked again
LAST_TRIES = 20  # how often, once told to stop
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
LEASE_LEFT = timedelta(minutes=2)  # more than one mail can take with every reply at its latest
FIRST_PAUSE = timedelta(seconds=5)  # after a connection that failed; doubles up to the longest
LONGEST_PAUSE = timedelta(minutes=5)

logger = logging.getLogger("vigil.mail")


@dataclass(frozen=True)
class Job:
    """Something that recurs. `run` gets the time and works in a transaction of its own.

    `afterwards` is called when that is committed, with no transaction open. A free job commits by
    itself, as often as it likes: it may ask others over the network between its transactions.
    """

    name: str
    every: timedelta
    run: Callable[[datetime], object]
    afterwards: Callable[[], None] | None = None
    is_free: bool = False


def utc_now() -> datetime:
    """The clock of the wall."""
    return datetime.now(UTC)


class Worker:
    """Sends mail until told to stop. Raises SettingsError if MAIL_URL or MAIL_FROM are wrong.

    `clock` gives the time, `pause` waits that many seconds, `timeout` is how many seconds the mail
    server may stay silent.
    """

    def __init__(
        self,
        app: Flask,
        *,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT,
    ) -> None:
        settings: Settings = app.extensions["vigil_settings"]
        self.app = app
        self.clock = clock
        self.pause = pause
        self.timeout = timeout
        self.base_url = settings.base_url
        self.server = MailServer.from_url(settings.mail_url)
        self.senders = Senders.from_settings(settings)
        self.jobs: Sequence[Job] = app.extensions.get("vigil_jobs", ())
        self._job_due: dict[str, datetime] = {}
        self._is_stopping = False
        self._is_away = False
        self._failed_connections = 0
        self._connect_at: datetime | None = None

    def stop(self) -> None:
        """Finish the mail in hand, give back the others, and end."""
        self._is_stopping = True

    def run(self, once: bool = False) -> int:
        """Work until stopped, or with `once` until nothing is due; says how many mails were sent.

        With `once` an unreachable database is raised instead of waited for.
        """
        sent = 0
        with self._signals():
            while not self._is_stopping:
                try:
                    self.run_jobs()
                    tried, sent_now = self.send_batch()
                except (SQLAlchemyError, VaultMissing) as error:
                    if once:
                        raise
                    self._note_away(error)
                    self.pause(AWAY)
                    continue
                self._is_away = False
                sent += sent_now
                if not tried:
                    if once:
                        break
                    self.pause(IDLE)
        return sent

    def run_jobs(self) -> None:
        """Run what is due. A job that fails is logged and waits for its next time."""
        for job in self.jobs:
            now = self.clock()
            if self._is_stopping or now < self._job_due.get(job.name, now):
                continue
            self._job_due[job.name] = now + job.every
            try:
                with self.app.app_context() if job.is_free else self._transaction():
                    job.run(now)  # what a free job leaves uncommitted ends with its context
                if job.afterwards:
                    with self.app.app_context():
                        job.afterwards()
            except Exception as error:  # one job's fault must not stop the mail
                logger.error("job %s failed: %s", job.name, type(error).__name__)

    def send_batch(self) -> tuple[int, int]:
        """Claim, send and record some mails; says how many were tried and how many were sent."""
        now = self.clock()
        if self._connect_at and now < self._connect_at:
            return 0, 0
        with self._transaction():
            key = vault().mail_key()
            batch = claims.claim(now, BATCH)
        if not batch:
            return 0, 0
        with ExitStack() as conversation:
            connection = SmtpConnection(self.server, self.senders.usual.domain, self.timeout)
            try:
                conversation.enter_context(connection)
            except TransientMailError as error:
                self._note_no_connection(error, batch)
                return 0, 0
            self._failed_connections, self._connect_at = 0, None
            return self._send_each(connection, batch, key)

    def _send_each(
        self, connection: SmtpConnection, batch: Sequence[Claim], key: bytes
    ) -> tuple[int, int]:
        tried = sent = 0
        for email in batch:
            late = self.clock() > email.leased_until - LEASE_LEFT
            if self._is_stopping or late or not connection.is_open:
                break
            sent += self._send(connection, email, key)
            tried += 1
        rest = batch[tried:]
        if rest:
            self._record(lambda: claims.give_back(rest))
        return tried, sent

    def _send(self, connection: SmtpConnection, email: Claim, key: bytes) -> bool:
        if self.clock() >= email.expires_at:
            self._record(lambda: claims.record_useless(email, State.EXPIRED))
            return False
        try:
            if not self._has_room(email, key):
                self._record(lambda: claims.record_useless(email, State.EXPIRED))
                return False
            connection.send(self._write(email, key))
        except UnreadableMail:
            logger.warning("mail %s cannot be read: the mail key is another one", email.id)
            self._record(lambda: claims.record_useless(email, State.UNREADABLE))
            return False
        except MailError as error:
            self._note_failure(email, error)
            return False
        self._record(lambda: claims.record_sent(email, self.clock()))
        logger.info("mail %s sent (%s)", email.id, email.kind)
        return True

    def _has_room(self, email: Claim, key: bytes) -> bool:
        """Whether a reminder fits under its address's cap of today; other mails were counted."""
        if not is_reminder(email.kind):
            return True
        to, _params = unseal(email.id, email.blob, key)
        try:
            with self._transaction():
                return take_slot(email.id, to, self.clock())
        except IntegrityError:
            raise TransientMailError("cap") from None
        except (SQLAlchemyError, VaultMissing):
            raise TransientMailError("database") from None

    def _write(self, email: Claim, key: bytes) -> Letter:
        """Open and render a mail; raises UnreadableMail and MailError."""
        to, params = unseal(email.id, email.blob, key)
        try:
            with self.app.app_context():
                params |= discreet(wished_before(email.kind, to))
            with self.app.app_context():
                return write_letter(
                    mark=mark_of(email.id, key, email.kind),
                    content=render(email.kind, email.language, params, self.base_url),
                    author=self.senders.for_mail(email.language, bool(params.get(DISCREET))),
                    to=to,
                    language=email.language,
                    params=params,
                    base_url=self.base_url,
                    now=self.clock(),
                )
        except MailError:
            raise
        except Exception as error:  # one mail's fault must not stop the others
            logger.error("mail %s (%s): %s", email.id, email.kind, type(error).__name__)
            raise PermanentMailError("template") from error

    def _note_failure(self, email: Claim, error: MailError) -> None:
        is_final = isinstance(error, PermanentMailError)
        now = self.clock()
        self._record(lambda: claims.record_failure(email, error.code, now, is_final=is_final))
        logger.warning("mail %s not sent: %s", email.id, error.code)

    def _note_no_connection(self, error: TransientMailError, batch: Sequence[Claim]) -> None:
        code = error.code
        if not self._failed_connections:
            logger.warning("no connection to the mail server: %s", code)
        pause = min(FIRST_PAUSE * 2**self._failed_connections, LONGEST_PAUSE)
        self._failed_connections = min(self._failed_connections + 1, 10)
        self._connect_at = self.clock() + pause
        self._record(lambda: claims.give_back(batch, code))

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            logger.error("waiting: %s", type(error).__name__)
        self._is_away = True

    def _record(self, write: Callable[[], object]) -> None:
        """Write down what became of a mail, however long the database is away.

        Forgetting that a mail was sent would send it twice. Once told to stop we give up in the
        end, for whoever stops us will not wait for ever either.
        """
        last_tries = LAST_TRIES
        while last_tries:
            try:
                with self._transaction():
                    write()
                return
            except DATABASE_AWAY as error:
                self._note_away(error)
                last_tries -= self._is_stopping
                self.pause(AWAY)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction; leaving it gives the database connection back."""
        with self.app.app_context():
            yield
            db.session.commit()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT stop the work between two mails."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
