"""Addresses and headers of a mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest

from config.settings import SettingsError
from mail.faults import PermanentMailError
from mail.letter import Letter, parse_author, parse_reader, write_letter
from mail.render import Rendered

MARK = "0b6bb8a660cf4a3c9d256d8d0d6f1c11"
CONTENT = Rendered("Пацвердзіце подпіс, калі ласка, каб ён быў улічаны", "Добры дзень\n", "<p>Так")


def create_letter(**given: Any) -> Letter:
    values = {
        "mark": MARK,
        "content": CONTENT,
        "author": parse_author("Night Watch, e.V. <watch@example.org>"),
        "to": "reader@example.org",
        "language": "be",
        "params": {},
        "base_url": "https://vigil.example.org",
        "now": datetime(2026, 5, 4, 14, 0, tzinfo=timezone(timedelta(hours=2))),
        **given,
    }
    return write_letter(**values)


def parsed(letter: Letter) -> Any:
    return message_from_bytes(letter.as_bytes(), policy=SMTP)


def test_headers() -> None:
    message = parsed(create_letter())
    assert message["Subject"] == CONTENT.subject
    assert message["From"].addresses[0].display_name == "Night Watch, e.V."
    assert message["From"].addresses[0].addr_spec == "watch@example.org"
    assert message["To"] == "reader@example.org"
    assert message["Message-ID"] == f"<{MARK}@example.org>"
    assert message["Date"].datetime == datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    assert str(message["Date"]).endswith("+0000")
    assert message["Content-Language"] == "be"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert not {"User-Agent", "X-Mailer", "Received", "List-Unsubscribe"} & set(message.keys())


def test_text_comes_before_html() -> None:
    message = parsed(create_letter())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, html = message.iter_parts()
    assert text.get_content() == CONTENT.text.replace("\n", "\r\n")
    assert "<p>Так" in html.get_content()


def test_lines_are_short_and_ascii() -> None:
    assert create_letter().as_bytes().isascii()
    raw = create_letter(content=Rendered("Так" * 60, "Так " * 900, "Так " * 900)).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


def test_one_click_unsubscribe() -> None:
    """RFC 8058 3.1; the address stays whole however long it is."""
    path = "/be/stop/" + "t" * 120
    raw = create_letter(params={"unsubscribe_path": path}).as_bytes()
    assert f"\r\nList-Unsubscribe: <https://vigil.example.org{path}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    tried = create_letter(params={"unsubscribe_path": path}, base_url="http://127.0.0.1:8000")
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in tried.as_bytes()


def test_message_id_of_a_long_domain_stays_whole() -> None:
    domain = "a-rather-long-name-for-a-domain.of-an-organisation.example.org"
    raw = create_letter(author=parse_author(f"watch@{domain}")).as_bytes()
    assert f"\r\nMessage-ID: <{MARK}@{domain}>\r\n".encode() in raw


@pytest.mark.parametrize(
    ("to", "address"),
    [
        ("anna@прыклад.бел", "anna@xn--80aiqesg1f.xn--90ais"),
        ("anna@straße.de", "anna@xn--strae-oqa.de"),
        ("anna+vigil@example.org", "anna+vigil@example.org"),
    ],
)
def test_domain_becomes_ascii(to: str, address: str) -> None:
    assert parse_reader(to).addr_spec == address
    assert create_letter(to=to).mail_options == []


def test_local_part_beyond_ascii_needs_smtputf8() -> None:
    letter = create_letter(to="ганна@прыклад.бел")
    assert letter.mail_options == ["SMTPUTF8", "BODY=8BITMIME"]
    assert "To: ганна@xn--".encode() in letter.as_bytes()


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@b.org\r\nBcc: c@d.org", "a@b.org>, <c@d.org", "a b@c.org", "a@b.org\0"]
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(PermanentMailError, match="^address$"):
        create_letter(to=to)


@pytest.mark.parametrize("mail_from", ["", "Vigil", "Vigil <vigil>", "Вартa <варта@example.org>"])
def test_wrong_mail_from_is_named(mail_from: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_FROM"):
        parse_author(mail_from)
