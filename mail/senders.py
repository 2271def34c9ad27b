"""Whom mails are from: the organisation, or for discreet ones a name that tells nothing."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address

from flask import current_app
from flask_babel import force_locale, gettext
from sqlalchemy.exc import SQLAlchemyError

from config.database import begin_read
from config.settings import Settings
from mail.faults import TransientMailError
from mail.letter import parse_author
from mail.render import has_discreet


def wished_before(kind: str, to: str) -> bool:
    """Whether a supporter has wished for discreet mails before, whatever the mail is about.

    Whoever fills in a form or pays is not asked who they are, and a wish may come after the mail
    was queued: so the worker looks, with no lock. Raises TransientMailError where it cannot.
    """
    find = current_app.extensions.get("vigil_is_discreet")
    if find is None or not has_discreet(kind):
        return False
    try:
        begin_read()
        return bool(find(to))
    except SQLAlchemyError:
        raise TransientMailError("database") from None


@dataclass(frozen=True)
class Senders:
    """MAIL_FROM, and DISCREET_FROM where it is set."""

    usual: Address
    discreet: Address | None

    @classmethod
    def from_settings(cls, settings: Settings) -> Senders:
        """Read both. Raises SettingsError."""
        chosen = settings.discreet_from
        return cls(parse_author(settings.mail_from), parse_author(chosen) if chosen else None)

    def for_mail(self, language: str, is_discreet: bool) -> Address:
        """The sender of a mail; without DISCREET_FROM the same address under a neutral name."""
        if not is_discreet:
            return self.usual
        if self.discreet is not None:
            return self.discreet
        with force_locale(language):
            name = gettext("Notice")
        return Address(display_name=name, username=self.usual.username, domain=self.usual.domain)
