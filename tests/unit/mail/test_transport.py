"""Real SMTP conversations on the loopback interface."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.settings import SettingsError
from mail.faults import MailError, PermanentMailError, TransientMailError
from mail.letter import parse_author, write_letter
from mail.render import Rendered
from mail.transport import MailServer, SmtpConnection
from tests.unit.mail.conftest import Authority
from tests.unit.mail.small_app import NOW, READER, Post, only_this_user

StartPost = Callable[..., Post]


def send(url: str, to: str = READER, timeout: float = 5) -> None:
    author = parse_author("Night Watch <watch@example.org>")
    letter = write_letter(
        mark=uuid.uuid4().hex,
        content=Rendered("Hello", "text\n.\nmore text\n", "<p>html"),
        author=author,
        to=to,
        language="en",
        params={},
        base_url="https://vigil.example.org",
        now=NOW,
    )
    with SmtpConnection(MailServer.from_url(url), author.domain, timeout) as connection:
        connection.send(letter)


def code_of(url: str, **given: Any) -> tuple[type[MailError], str]:
    with pytest.raises(MailError) as raised:
        send(url, **given)
    return type(raised.value), raised.value.code


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, "none"),
        ("smtp://[::1]", "::1", 25, "none"),
        ("smtp://localhost?tls=starttls", "localhost", 587, "starttls"),
        ("smtp://relay.example.org", "relay.example.org", 587, "starttls"),
        ("smtp://relay.example.org:25?tls=none", "relay.example.org", 25, "none"),
        ("smtps://relay.example.org", "relay.example.org", 465, "implicit"),
    ],
)
def test_protection_follows_from_the_address(url: str, host: str, port: int, tls: str) -> None:
    server = MailServer.from_url(url)
    assert (server.host, server.port, server.tls) == (host, port, tls)


def test_credentials_are_decoded_and_not_shown() -> None:
    server = MailServer.from_url("smtps://us%40er:pass%2Fword@relay.example.org")
    assert (server.username, server.password) == ("us@er", "pass/word")
    assert "pass/word" not in repr(server)


@pytest.mark.parametrize(
    "query",
    ["?tls=yes", "?tls", "?tls=none&tls=starttls", "?starttls=1", ":x", ":99999"],
)
def test_wrong_mail_url_is_named(query: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_URL") as raised:
        MailServer.from_url(f"smtp://user:secret@relay.example.org{query}")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("who", ["us%C3%A9r:word", "user:w%C3%B6rd"])
def test_credentials_beyond_ascii_are_named_at_the_start(who: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_URL: .*ASCII") as raised:
        MailServer.from_url(f"smtps://{who}@relay.example.org")
    assert who[-4:] not in str(raised.value)


def test_smtps_cannot_be_asked_to_be_plain() -> None:
    with pytest.raises(SettingsError):
        MailServer.from_url("smtps://relay.example.org?tls=none")


def test_plain_on_this_machine(post: Post) -> None:
    send(f"smtp://127.0.0.1:{post.port}")
    [mail] = post.received
    assert (mail.hello, mail.author, mail.readers) == ("example.org", "watch@example.org", [READER])
    assert socket.gethostname().encode() not in mail.raw
    assert not mail.is_encrypted


def test_starttls_with_a_trusted_certificate(start_post: StartPost, trusted: Authority) -> None:
    post = start_post(tls_context=trusted.server, require_starttls=True)
    send(f"smtp://localhost:{post.port}?tls=starttls")
    assert post.received[0].is_encrypted


def test_tls_from_the_start(start_post: StartPost, trusted: Authority) -> None:
    post = start_post(implicit_tls=trusted.server)
    send(f"smtps://localhost:{post.port}")
    assert len(post.received) == 1


def test_unknown_authority_is_refused(start_post: StartPost, authority: Authority) -> None:
    starttls = start_post(tls_context=authority.server)
    implicit = start_post(implicit_tls=authority.server)
    for url in (
        f"smtp://localhost:{starttls.port}?tls=starttls",
        f"smtps://localhost:{implicit.port}",
    ):
        assert code_of(url) == (TransientMailError, "tls-certificate")
    assert starttls.received == implicit.received == []


def test_certificate_of_another_host_is_refused(start_post: StartPost, trusted: Authority) -> None:
    post = start_post(tls_context=trusted.server)
    url = f"smtp://127.0.0.1:{post.port}?tls=starttls"
    assert code_of(url) == (TransientMailError, "tls-certificate")
    assert post.received == []


def test_server_without_starttls_gets_nothing(post: Post) -> None:
    url = f"smtp://us%40er:pass%2Fword@localhost:{post.port}?tls=starttls"
    assert code_of(url) == (TransientMailError, "starttls-missing")
    assert post.received == []


def test_signs_in(start_post: StartPost, trusted: Authority) -> None:
    post = start_post(
        tls_context=trusted.server, require_starttls=True, authenticator=only_this_user
    )
    send(f"smtp://us%40er:pass%2Fword@localhost:{post.port}?tls=starttls")
    assert post.received[0].user == b"us@er"


def test_wrong_password_is_the_installations_fault(
    start_post: StartPost, trusted: Authority
) -> None:
    post = start_post(tls_context=trusted.server, authenticator=only_this_user)
    url = f"smtp://us%40er:wrong@localhost:{post.port}?tls=starttls"
    assert code_of(url) == (TransientMailError, "smtp-535")


def test_server_that_has_no_sign_in(post: Post) -> None:
    url = f"smtp://user:word@127.0.0.1:{post.port}"
    assert code_of(url) == (TransientMailError, "auth-missing")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("451 try later", TransientMailError),
        ("421 closing", TransientMailError),
        ("550 no such user", PermanentMailError),
        ("530 sign in first", TransientMailError),
    ],
)
def test_replies_are_told_apart(post: Post, reply: str, kind: type[MailError]) -> None:
    post.refusals = [reply]
    assert code_of(f"smtp://127.0.0.1:{post.port}") == (kind, f"smtp-{reply[:3]}")


def test_refusal_of_our_own_address_is_the_installations_fault(post: Post) -> None:
    """Else a relay that is set up wrongly turns every mail into a dead letter."""
    post.refused_authors = ["553 not your address"]
    url = f"smtp://127.0.0.1:{post.port}"
    assert code_of(url) == (TransientMailError, "smtp-553")


def test_host_that_can_be_no_host() -> None:
    assert code_of("smtp://relay..example.org:25?tls=none") == (TransientMailError, "host-unknown")


def test_smtputf8(start_post: StartPost, post: Post) -> None:
    able = start_post(enable_SMTPUTF8=True)
    send(f"smtp://127.0.0.1:{able.port}", to="ганна@example.org")
    assert able.received[0].readers == ["ганна@example.org"]
    unable = code_of(f"smtp://127.0.0.1:{post.port}", to="ганна@example.org")
    assert unable == (PermanentMailError, "smtputf8")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert code_of(f"smtp://127.0.0.1:{port}") == (TransientMailError, "refused")


@pytest.fixture
def stage() -> Iterator[Callable[[list[bytes]], int]]:
    """A server that says its lines, one after each of ours, and then nothing more."""
    servers: list[socket.socket] = []
    talks: list[threading.Thread] = []
    over = threading.Event()

    def talk(server: socket.socket, lines: list[bytes]) -> None:
        client, _ = server.accept()
        with client:
            for line in lines:
                client.sendall(line)
                client.recv(1000)
            over.wait(3)  # longer than the timeouts below

    def start(lines: list[bytes]) -> int:
        servers.append(socket.create_server(("127.0.0.1", 0)))
        talks.append(threading.Thread(target=talk, args=(servers[-1], lines)))
        talks[-1].start()
        return int(servers[-1].getsockname()[1])

    yield start
    over.set()
    for thread in talks:
        thread.join(5)
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "lines", [[], [b"220 hello\r\n"], [b"220 hello\r\n", b"250 fine\r\n", b"250 sender\r\n"]]
)
def test_silent_server_is_left(stage: Callable[[list[bytes]], int], lines: list[bytes]) -> None:
    port = stage(lines)
    assert code_of(f"smtp://127.0.0.1:{port}", timeout=0.1) == (TransientMailError, "timeout")


def test_garbled_reply(stage: Callable[[list[bytes]], int]) -> None:
    port = stage([b"220 hello\r\n", b"250 fine\r\n", b"what is this\r\n"])
    code = code_of(f"smtp://127.0.0.1:{port}", timeout=0.5)
    assert code == (TransientMailError, "smtp-garbled")
