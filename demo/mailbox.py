"""A mailbox for trying things: takes any mail by SMTP on this computer and shows it on a page.

Messages stay in memory, the latest thousand of them, and are gone when the program ends.
"""

import argparse
import asyncio
import re
import signal
import socket
import ssl
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    url_for,
)
from markupsafe import Markup, escape
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as AnyResponse

from demo.stripe.loopback import guard_host

HOST = "127.0.0.1"
KEPT = 1000
PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"
# A mail's own HTML may be drawn, no more: no script, no request, no form, no frame around it.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Message:
    id: int
    to: list[str]
    from_: str
    subject: str
    headers: list[tuple[str, str]]
    text: str
    html: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self) | {"from": self.from_, "at": self.at.isoformat()}
        del fields["from_"]
        return fields


@dataclass
class Rejection:
    """An answer to give instead of taking the mail, so many times yet."""

    code: int
    text: str
    times: int
    stage: str


class Mailbox:
    """An SMTP server in a thread of its own (port 0: any that is free); a context manager.

    With `tls` it offers STARTTLS and takes no mail without it.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._kept: deque[Message] = deque(maxlen=KEPT)
        self._count = 0
        self._tls = tls
        self._rejections: list[Rejection] = []
        self._lock = threading.Lock()
        self._socket = socket.create_server((HOST, port))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailbox", daemon=True)

    @property
    def messages(self) -> list[Message]:
        """What has come in, oldest first."""
        with self._lock:
            return list(self._kept)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def reject_with(self, code: int, text: str, times: int = 1, stage: str = "data") -> None:
        """Answer the next `times` mails with an error, at `rcpt` or at `data`."""
        if stage not in {"rcpt", "data"}:
            raise ValueError("stage: rcpt or data")
        with self._lock:
            self._rejections.append(Rejection(code, text, times, stage))

    def start(self) -> None:
        self._thread.start()
        self._serving.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(self._conversation, sock=self._socket)
        )
        self._loop.call_soon(self._serving.set)
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(_hang_up())

    def _conversation(self) -> SMTP:
        return SMTP(
            self,
            hostname="mailbox.localhost",
            ident="Mailbox",
            enable_SMTPUTF8=True,
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            loop=self._loop,
        )

    def _refusal(self, stage: str) -> str | None:
        with self._lock:
            for rejection in self._rejections:
                if rejection.stage == stage:
                    rejection.times -= 1
                    if rejection.times <= 0:
                        self._rejections.remove(rejection)
                    return f"{rejection.code} {rejection.text}"
        return None

    # aiosmtpd calls these by name

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: Sequence[str],
    ) -> str:
        refusal = self._refusal("rcpt")
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        refusal = self._refusal("data")
        if refusal:
            return refusal
        with self._lock:
            self._count += 1
            self._kept.append(_read(self._count, envelope))
        return "250 OK"


async def _hang_up() -> None:
    """End the conversations still open, and give their sockets a moment to close."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)


def _read(number: int, envelope: Envelope) -> Message:
    content = envelope.content or b""
    raw = content if isinstance(content, bytes) else content.encode()
    mail: EmailMessage = message_from_bytes(raw, policy=policy.default)
    return Message(
        id=number,
        to=list(envelope.rcpt_tos),
        from_=envelope.mail_from or "",
        subject=str(mail.get("Subject", "")),
        headers=[(name, str(value)) for name, value in mail.items()],
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        at=datetime.now(UTC),
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""


def with_links(text: str) -> Markup:
    """The text made safe for a page, its web addresses clickable."""
    pieces = re.split(r"(https?://[^\s<>\"]+[^\s<>\".,;:!?)\]])", text)
    return Markup().join(
        Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(piece)
        if place % 2
        else escape(piece)
        for place, piece in enumerate(pieces)
    )


page = Blueprint("mailbox", __name__)


def create_mailbox_page(mailbox: Mailbox) -> Flask:
    """The page over a mailbox."""
    app = Flask("demo", template_folder="templates", static_folder="static")
    app.extensions["mailbox"] = mailbox
    guard_host(app)
    app.add_template_filter(with_links)
    app.register_blueprint(page)
    app.register_error_handler(404, _not_found)
    return app


def _mailbox() -> Mailbox:
    mailbox: Mailbox = current_app.extensions["mailbox"]
    return mailbox


def _find(number: int) -> Message:
    found = [message for message in _mailbox().messages if message.id == number]
    return found[0] if found else abort(404)


def _not_found(_error: Exception) -> tuple[str, int]:
    return render_template("mailbox/missing.html"), 404


@page.after_app_request
def keep_to_itself(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@page.get("/")
def index() -> str:
    return render_template("mailbox/index.html", messages=_mailbox().messages[::-1])


@page.get("/message/<int:number>")
def show(number: int) -> str:
    return render_template("mailbox/message.html", message=_find(number))


@page.get("/message/<int:number>/html")
def show_html(number: int) -> Response:
    message = _find(number)
    if not message.html:
        abort(404)
    response = Response(message.html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@page.get("/messages.json")
def as_json() -> Response:
    """Oldest first."""
    return jsonify([message.as_json() for message in _mailbox().messages])


@page.post("/clear")
def clear() -> AnyResponse:
    _mailbox().clear()
    return redirect(url_for(".index"), 303)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: addresses of messages are nobody's business."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    given = parser.parse_args()
    try:
        mailbox = Mailbox(given.smtp_port)
        listening = socket.create_server((HOST, given.http_port))
    except OSError as failure:
        parser.error(f"a port is not free: {failure.strerror}")
    server: BaseWSGIServer = make_server(
        HOST,
        given.http_port,
        create_mailbox_page(mailbox),
        threaded=True,
        request_handler=_Quiet,
        fd=listening.fileno(),
    )
    listening.close()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with mailbox:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        sys.stdout.write(f"Mailbox: http://{HOST}:{server.port} (SMTP on port {mailbox.port})\n")
        sys.stdout.flush()
        stopping.wait()
        server.shutdown()
        serving.join()
        server.server_close()


if __name__ == "__main__":
    main()
