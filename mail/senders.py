"""Whom mails are from: the organisation, or for discreet ones a name that tells nothing."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address

from flask import current_app
from flask_babel import force_locale, gettext

from config.settings import Settings
from mail.letter import parse_author
from mail.reminders import REMINDERS, is_reminder


def wished_before(kind: str, to: str) -> bool:
    """Whether a confirmation's reader has wished for discreet mails before.

    Whoever fills in a form is not asked who they are, so that only the worker finds out. Other
    mails are queued by those who know the contact.
    """
    is_asking = kind in REMINDERS or is_reminder(kind)
    find = current_app.extensions.get("vigil_is_discreet")
    return bool(is_asking and find and find(to))


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
