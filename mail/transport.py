"""Speaking SMTP: where, over a verified connection, and with an end to every wait.

Flask-Mail opens SMTP without a timeout, calls starttls() without a context (so that anybody's
certificate would do) and names this machine in EHLO; hence the subclass of its connection.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from flask_mail import Connection, Mail, Message

from config.settings import LOOPBACK_HOSTS, SettingsError
from mail.faults import MailError, PermanentMailError, TransientMailError

TIMEOUT = 10.0  # seconds that a server may stay silent
PORTS = {"implicit": 465, "starttls": 587, "none": 25}
# Refusals of this installation, not of the mail (RFC 4954 6, RFC 3207 4)
_OUR_FAULT = {530, 534, 535, 538}

Smtp = smtplib.SMTP | smtplib.SMTP_SSL


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over, and how the way there is protected."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        """Read MAIL_URL: smtps://…, or smtp://… with ?tls=starttls or ?tls=none.

        Without `tls`, smtp:// means STARTTLS, and plain only on this machine. Raises SettingsError.
        """
        parts = urlsplit(url)
        try:
            asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
            port, host = parts.port, parts.hostname or ""
        except ValueError:
            raise SettingsError(_wrong("has a port or a question mark part that is none")) from None
        tls: Literal["implicit", "starttls", "none"]
        match parts.scheme, asked:
            case "smtps", {**rest} if not rest:
                tls = "implicit"
            case "smtp", {"tls": ["starttls"], **rest} if not rest:
                tls = "starttls"
            case "smtp", {"tls": ["none"], **rest} if not rest:
                tls = "none"
            case "smtp", {**rest} if not rest:
                tls = "none" if host in LOOPBACK_HOSTS else "starttls"
            case _:
                raise SettingsError(_wrong("must be smtps://…, or smtp://… with ?tls=starttls"))
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (username + password).isascii():
            raise SettingsError(_wrong("smtplib signs in with ASCII only"))
        return cls(
            host=host,
            port=port or PORTS[tls],
            tls=tls,
            username=username,
            password=password,
        )


class SmtpConnection(Connection):
    """One conversation with the mail server, for any number of mails.

    Entering and sending raise TransientMailError or PermanentMailError. `hello` is the domain that
    we give as our name. Certificates are checked against the system's authorities (or those of
    SSL_CERT_FILE), and against the host's name.
    """

    def __init__(self, server: MailServer, hello: str, timeout: float = TIMEOUT) -> None:
        super().__init__(Mail())
        self.server = server
        self.hello = hello
        self.timeout = timeout

    @property
    def is_open(self) -> bool:
        """Whether another mail can be sent without connecting again."""
        return self.host is not None and getattr(self.host, "sock", None) is not None

    def configure_host(self) -> Smtp:
        """Connect, protect the connection, sign in."""
        with _faults(is_about_mail=False):
            host = self._open()
            try:
                self._introduce(host)
            except BaseException:
                host.close()
                raise
        return host

    def send(self, message: Message, envelope_from: str | tuple[str, str] | None = None) -> None:
        """Hand one mail over; returns when the server has taken responsibility for it."""
        if self.host is None or not self.is_open:
            raise TransientMailError("disconnected")
        if "SMTPUTF8" in message.mail_options and not self.host.has_extn("smtputf8"):
            raise PermanentMailError("smtputf8")
        with _faults(is_about_mail=True):
            self.host.sendmail(
                str(envelope_from or message.sender),
                [str(address) for address in message.send_to],
                message.as_bytes(),
                message.mail_options,
            )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self.host is not None:
            with suppress(smtplib.SMTPException, OSError):
                self.host.quit()
            self.host.close()

    def _open(self) -> Smtp:
        where = self.server.host, self.server.port, self.hello
        if self.server.tls == "implicit":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(*where, timeout=self.timeout, context=context)
        return smtplib.SMTP(*where, timeout=self.timeout)

    def _introduce(self, host: Smtp) -> None:
        host.ehlo_or_helo_if_needed()
        if self.server.tls == "starttls":
            if not host.has_extn("starttls"):
                raise TransientMailError("starttls-missing")
            host.starttls(context=ssl.create_default_context())
            host.ehlo_or_helo_if_needed()
        if self.server.username:
            host.login(self.server.username, self.server.password)


@contextmanager
def _faults(*, is_about_mail: bool) -> Iterator[None]:
    """Turn smtplib's and the network's errors into ours; their words stay behind."""
    try:
        yield
    except smtplib.SMTPSenderRefused as error:  # it is our own address that they refuse
        raise _fault(error, is_about_mail=False) from None
    except OSError as error:  # smtplib's are OSErrors too
        raise _fault(error, is_about_mail) from None
    except UnicodeError:  # a host's name with an empty or too long part
        raise TransientMailError("host-unknown") from None


def _fault(error: OSError, is_about_mail: bool) -> MailError:
    reply = _reply_code(error)
    if reply is None:
        return TransientMailError(_network_code(error))
    is_final = is_about_mail and 500 <= reply <= 599 and reply not in _OUR_FAULT
    kind = PermanentMailError if is_final else TransientMailError
    return kind(f"smtp-{reply}" if reply > 0 else "smtp-garbled")


def _reply_code(error: OSError) -> int | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return int(next(iter(error.recipients.values()))[0])
    return int(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else None


def _network_code(error: OSError) -> str:
    # smtplib turns a timeout into "disconnected" and keeps the cause as context
    causes: tuple[BaseException | None, ...] = (error, error.__context__)
    codes: tuple[tuple[type[BaseException], str], ...] = (
        (TimeoutError, "timeout"),
        (ssl.SSLCertVerificationError, "tls-certificate"),
        (ssl.SSLError, "tls"),
        (smtplib.SMTPNotSupportedError, "auth-missing"),
        (ConnectionRefusedError, "refused"),
        (socket.gaierror, "host-unknown"),
        (smtplib.SMTPServerDisconnected, "disconnected"),
        (ConnectionError, "disconnected"),
    )
    for kind, code in codes:
        if any(isinstance(cause, kind) for cause in causes):
            return code
    return "unreachable"


def _wrong(what: str) -> str:
    return f"MAIL_URL: {what}"
