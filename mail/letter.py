"""A mail on its way out: addresses, headers, and the bytes.

Flask-Mail's message names this machine in its Message-ID, writes the local time zone into the
date and leaves 8-bit lines of any length; hence the subclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, Policy

from email_validator import EmailNotValidError, validate_email
from flask_mail import Message

from config.settings import SettingsError
from mail.faults import PermanentMailError
from mail.render import Rendered, absolute_links

# Every line short and in ASCII, so that no server on the way has to change what was signed (DKIM).
_POLICY = SMTP.clone(cte_type="7bit")


class _Unbroken(str):
    """A header's value that stays on its line; email.policy breaks long addresses into code words.

    Found on Python 3.11; a mail client could not read List-Unsubscribe then.
    """

    name: str

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _unbroken(name: str, value: str) -> _Unbroken:
    header = _Unbroken(value)
    header.name = name
    return header


class Letter(Message):
    """One finished mail from one address to another; a fault in it shows when it is made."""

    def __init__(
        self,
        *,
        author: Address,
        reader: Address,
        message_id: str,
        content: Rendered,
        sent_at: datetime,
        headers: Mapping[str, str],
    ) -> None:
        is_ascii = reader.username.isascii()
        super().__init__(
            subject=content.subject,
            recipients=[reader.addr_spec],
            body=content.text,
            html=content.html or None,
            sender=author.addr_spec,
            date=sent_at.timestamp(),
            extra_headers=dict(headers),
            mail_options=[] if is_ascii else ["SMTPUTF8", "BODY=8BITMIME"],
        )
        self.msgId = message_id
        message = EmailMessage(policy=_POLICY.clone(utf8=not is_ascii))
        # first, for it would move our Content-Language into the text part
        message.set_content(content.text)
        if content.html:
            message.add_alternative(content.html, subtype="html")
        message["Subject"] = content.subject
        message["From"] = author
        message["To"] = reader
        message["Date"] = sent_at.astimezone(UTC)
        for name, value in {"Message-ID": message_id, **headers}.items():
            message[name] = _unbroken(name, value)
        self._bytes = message.as_bytes()

    def as_bytes(self) -> bytes:
        """The mail as it goes over the wire."""
        return self._bytes

    def as_string(self) -> str:
        """The mail as text."""
        return self._bytes.decode()


def write_letter(
    *,
    mark: str,
    content: Rendered,
    author: Address,
    to: str,
    language: str,
    params: Mapping[str, str],
    base_url: str,
    now: datetime,
) -> Letter:
    """Make the mail of one row; `mark` is its Message-ID's own part, without the domain.

    With a parameter `unsubscribe_path` it can be unsubscribed by one click (RFC 8058).
    Raises PermanentMailError where `to` is no address.
    """
    headers = {
        "Content-Language": language,
        "Auto-Submitted": "auto-generated",  # RFC 3834 5
        "X-Auto-Response-Suppress": "All",
    }
    unsubscribe = absolute_links(params, base_url).get("unsubscribe_link")
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        # RFC 8058 3.1; mail programs pass it over where the address is not https
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Letter(
        author=author,
        reader=parse_reader(to),
        message_id=f"<{mark}@{author.domain}>",
        content=content,
        sent_at=now,
        headers=headers,
    )


def parse_reader(to: str) -> Address:
    """The address with its domain in ASCII (IDNA); raises PermanentMailError."""
    try:
        return _parse(to)
    except EmailNotValidError:
        raise PermanentMailError("address") from None


def parse_author(mail_from: str) -> Address:
    """MAIL_FROM as name and address; raises SettingsError."""
    name, _, address = mail_from.strip().removesuffix(">").rpartition("<")
    try:
        author = _parse(address, name.strip(' "'))
    except EmailNotValidError:
        author = None
    if author is None or not author.username.isascii():
        raise SettingsError("MAIL_FROM: must look like Vigil <vigil@example.org>")
    return author


def _parse(address: str, name: str = "") -> Address:
    valid = validate_email(address, check_deliverability=False, globally_deliverable=False)
    domain = valid.ascii_domain
    return Address(display_name=name, username=valid.local_part, domain=domain)
