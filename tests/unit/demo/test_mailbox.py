"""The mailbox: it takes mail, shows it safely, forgets it, and fails when asked to."""

from __future__ import annotations

import re
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from demo.mailbox import KEPT, Mailbox, create_mailbox_page, with_links


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        yield made


@pytest.fixture
def page(mailbox: Mailbox) -> FlaskClient:
    return create_mailbox_page(mailbox).test_client()


def create_mail(subject: str = "Підтвердіть підпис", text: str = "Вітаємо!") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = "Vigil <vigil@example.org>"
    mail["To"] = "olena@example.org"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    mail.add_alternative("<p>Hello</p><script>alert(1)</script>", subtype="html")
    return mail


def send(mailbox: Mailbox, mail: EmailMessage | None = None, to: str = "olena@example.org") -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=5) as connection:
        connection.send_message(mail or create_mail(), "vigil@example.org", [to])


def test_message_is_kept_whole(mailbox: Mailbox) -> None:
    send(mailbox)
    kept = mailbox.messages[0]
    assert (kept.subject, kept.text.strip()) == ("Підтвердіть підпис", "Вітаємо!")
    assert (kept.to, kept.from_) == (["olena@example.org"], "vigil@example.org")
    assert "<p>Hello</p>" in kept.html
    assert ("Auto-Submitted", "auto-generated") in kept.headers


def test_list_is_newest_first(mailbox: Mailbox, page: FlaskClient) -> None:
    send(mailbox, create_mail("first"))
    send(mailbox, create_mail("second"))
    text = page.get("/").text
    assert text.index("second") < text.index("first")


def test_message_page_shows_headers_and_clickable_links(
    mailbox: Mailbox, page: FlaskClient
) -> None:
    send(mailbox, create_mail(text="Open http://127.0.0.1:8000/uk/confirm/abc?x=1&y=2. <b>"))
    text = page.get("/message/1").text
    assert '<a href="http://127.0.0.1:8000/uk/confirm/abc?x=1&amp;y=2"' in text
    assert "&lt;b&gt;" in text
    assert "auto-generated" in text
    assert 'href="/message/1/html"' in text
    assert "alert(1)" not in text


def test_links_end_before_punctuation() -> None:
    assert with_links("(see https://example.org/a).").count("</a>).") == 1


def test_html_part_is_caged(mailbox: Mailbox, page: FlaskClient) -> None:
    send(mailbox)
    answer = page.get("/message/1/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox;")
    assert "allow-" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_messages_as_json(mailbox: Mailbox, page: FlaskClient) -> None:
    send(mailbox)
    found = page.get("/messages.json").get_json()
    assert len(found) == 1
    assert set(found[0]) == {"id", "to", "from", "subject", "headers", "text", "html", "at"}
    assert found[0]["from"] == "vigil@example.org"


def test_mailbox_is_emptied(mailbox: Mailbox, page: FlaskClient) -> None:
    send(mailbox)
    answer = page.post("/clear")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert mailbox.messages == []
    assert page.get("/message/1").status_code == 404


def test_mailbox_is_bounded(mailbox: Mailbox) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=5) as connection:
        for number in range(KEPT + 5):
            connection.sendmail("a@example.org", ["b@example.org"], f"Subject: {number}\r\n\r\n.")
    kept = mailbox.messages
    assert (len(kept), kept[0].id, kept[-1].id) == (KEPT, 6, KEPT + 5)


def test_foreign_host_name_is_refused(page: FlaskClient) -> None:
    assert page.get("/", headers={"Host": "rebound.example"}).status_code == 403


def test_data_is_refused_so_many_times(mailbox: Mailbox) -> None:
    mailbox.reject_with(451, "try later", times=2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(mailbox)
        assert refused.value.smtp_code == 451
    send(mailbox)
    assert len(mailbox.messages) == 1


def test_recipient_is_refused(mailbox: Mailbox) -> None:
    mailbox.reject_with(550, "no such person", stage="rcpt")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox)
    assert refused.value.recipients["olena@example.org"][0] == 550
    assert mailbox.messages == []


def test_unknown_stage_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(ValueError, match="rcpt or data"):
        mailbox.reject_with(451, "later", stage="helo")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", str(file), "-out", str(file.with_suffix(".crt"))],
        check=True,
        capture_output=True,
    )
    return file


def test_starttls_is_demanded_and_works(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    trusting = ssl.create_default_context(cafile=str(certificate.with_suffix(".crt")))
    with Mailbox(tls=server) as mailbox:
        with pytest.raises(smtplib.SMTPException):
            send(mailbox)
        with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=5) as connection:
            connection.starttls(context=trusting)
            connection.send_message(create_mail(), "vigil@example.org", ["olena@example.org"])
        assert len(mailbox.messages) == 1


def test_command_serves_until_told_to_stop() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "demo.mailbox", "--smtp-port", "0", "--http-port", "0"],
        cwd=Path(__file__).resolve().parents[3],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"(http://\S+) \(SMTP on port (\d+)\)", process.stdout.readline())
        assert found
        with smtplib.SMTP("127.0.0.1", int(found[2]), timeout=5) as connection:
            connection.send_message(create_mail(), "a@example.org", ["b@example.org"])
        assert "b@example.org" in requests.get(found[1], timeout=10).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
