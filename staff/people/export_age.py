"""A table sealed for one person on its way out, by age (age-encryption.org/v1).

pyrage draws what it seals, and a response is drawn too: a thread between the two does nothing but
seal, so that the first rows leave while the last are still closed. A file that broke off does not
open, which a bare table does not tell.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue

import pyrage
from pyrage import x25519

MOST_WAITING = 4  # batches of rows
_SECRET = re.compile(r"age-secret-key-", re.I)


class NoRecipient(ValueError):
    """This is no public key of age."""


class SecretKeyShown(NoRecipient):
    """It is the secret half of a key, which nobody but its owner may see."""


def parse_recipient(typed: str) -> str:
    """The public key as age writes it. Raises NoRecipient, SecretKeyShown."""
    text = "".join(typed.split())
    if _SECRET.search(text):
        raise SecretKeyShown
    try:
        return str(x25519.Recipient.from_str(text))
    except (pyrage.RecipientError, UnicodeEncodeError):
        raise NoRecipient from None


def seal_lines(lines: Iterable[str], recipient: str) -> Iterator[bytes]:
    """The lines as an age file, in the pieces in which they come. `recipient` is a public key."""
    sealer = _Sealer(x25519.Recipient.from_str(recipient))
    sealer.start()
    try:
        for text in filter(None, lines):
            sealer.give(text.encode("utf-8", "surrogatepass"))
            yield from sealer.ready()
    finally:  # also where nobody listens any more or the rows break off: its end is kept back then
        sealer.end()
    if sealer.failure:
        raise sealer.failure
    yield from sealer.ready()


class _Sealer(threading.Thread):
    """Seals what it is given, as soon as it can, and keeps little of it waiting."""

    def __init__(self, recipient: x25519.Recipient) -> None:
        super().__init__(daemon=True)
        self.failure: Exception | None = None
        self._recipient = recipient
        self._room = threading.Semaphore(MOST_WAITING)
        self._rows: SimpleQueue[bytes] = SimpleQueue()  # b"" is the end
        self._sealed: SimpleQueue[bytes] = SimpleQueue()
        self._rest = b""

    def run(self) -> None:
        """Let pyrage draw from here what it seals, and put it here."""
        try:
            pyrage.encrypt_io(self, self, [self._recipient])
        except Exception as error:
            self.failure = error

    def give(self, rows: bytes) -> None:
        """Wait until there is room for more."""
        while not self._room.acquire(timeout=1):
            if not self.is_alive():  # `failure` says why
                return
        self._rows.put(rows)

    def end(self) -> None:
        """Let it finish; returns when it has."""
        self._rows.put(b"")
        self.join()

    def ready(self) -> Iterator[bytes]:
        """What is sealed by now."""
        while True:
            try:
                yield self._sealed.get_nowait()
            except Empty:
                return

    def read(self, size: int) -> bytes:
        """The next bytes to be sealed, as pyrage asks for them; none at the end."""
        if not self._rest:
            self._rest = self._rows.get()
            self._room.release()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def write(self, sealed: bytes) -> int:
        """Take what pyrage has sealed."""
        self._sealed.put(bytes(sealed))
        return len(sealed)

    def flush(self) -> None:
        """Nothing is kept back."""
