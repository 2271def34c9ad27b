"""What can go wrong with a mail, told apart by whether trying again helps.

Each carries a short code ("smtp-550", "timeout") for the outbox and the log; never the server's
words, for they may quote the address.
"""

from __future__ import annotations


class MailError(Exception):
    """A mail could not be sent."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TransientMailError(MailError):
    """It may work later: the server is away, busy, or refuses this installation."""


class PermanentMailError(MailError):
    """Trying again changes nothing: the server has refused this very mail."""
