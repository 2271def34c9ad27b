"""Starts web server, mail worker, Stripe stand-in and mailbox together, and stops them together."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config.settings import INSTANCE, ROOT, Settings, load_settings
from demo.parts import Parent, Part, end_parts, start_part

OUTSIDE = ROOT / ".demo"  # what Stripe would keep; no part of the instance
SETTINGS_FILE = INSTANCE / "settings.env"
UNSEEN = OUTSIDE / "unseen"  # stands while the first sign-in is made and not yet shown
MARK = "# Written by `make run` at each start. Take this line away to keep the file as it is."
PATIENCE = 60  # seconds to wait for a part to answer
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOPBACK = "127.0.0.1,localhost"  # never asked through a proxy


class CannotStart(Exception):
    """The message says why, and the remedy."""


class Stopped(Exception):
    """Somebody asked us to end."""


@dataclass(frozen=True)
class Ports:
    """Where each part listens, counted from the site's port."""

    site: int

    @property
    def mailbox(self) -> int:
        """The mailbox's pages."""
        return self.site + 1

    @property
    def stripe(self) -> int:
        """The Stripe stand-in."""
        return self.site + 2

    @property
    def smtp(self) -> int:
        """The mailbox's SMTP."""
        return self.site + 3


def main() -> None:
    """Start all, wait, stop all."""
    parent, parts = Parent(), list[Part]()
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        ports = Ports(_port())
        _claim_folder()
        _check_ports(ports)
        _write_settings(ports)
        settings, environment = load_settings(), _environment()
        _prepare(environment)
        for name, command in _commands(ports, settings):
            parts.append(start_part(name, command, environment))
        _wait_for_answers(ports, parts)
        _say(ports)
        _watch(parts, parent)
    except CannotStart as error:
        sys.exit(f"\n{error}\n")
    except OSError as error:
        sys.exit(f"\nVigil cannot run here: {error}\n")
    except Stopped:
        _print("\nStopping ...")
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        end_parts(parts)


def _port() -> int:
    given = os.environ.get("PORT", "8000")
    if not given.isdigit() or not 1024 <= int(given) <= 65532:
        raise CannotStart(f"PORT={given} will not do: choose a number from 1024 to 65532.")
    return int(given)


def _claim_folder() -> None:
    """Keep a second `make run` off this folder's data until we end, however we end."""
    for folder in (INSTANCE, OUTSIDE):
        folder.mkdir(mode=0o700, exist_ok=True)
    claim = os.open(OUTSIDE, os.O_RDONLY)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            "Vigil is running from this folder already. Stop it there with Ctrl-C, or make a "
            "second clone and choose other ports for it: make run PORT=8100"
        ) from None


def _check_ports(ports: Ports) -> None:
    names = {
        ports.site: "the site",
        ports.mailbox: "the mailbox",
        ports.stripe: "the Stripe stand-in",
        ports.smtp: "the mailbox's SMTP",
    }
    for port, name in names.items():
        if not _is_free(port):
            others = (base for base in range(8000, 65000, 100) if base != ports.site)
            free = next(base for base in others if all(map(_is_free, range(base, base + 4))))
            raise CannotStart(
                f"Port {port}, meant for {name}, is in use. Stop what uses it, or choose others: "
                f"make run PORT={free} (takes that one and the next three)."
            )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_settings(ports: Ports) -> None:
    """What a first look needs, also for `flask` in a second terminal; the environment wins."""
    if SETTINGS_FILE.exists() and not SETTINGS_FILE.read_text("utf-8").startswith(MARK):
        return
    own = {
        "BASE_URL": f"http://127.0.0.1:{ports.site}",
        "MAIL_URL": f"smtp://127.0.0.1:{ports.smtp}",
        "STRIPE_SECRET_KEY": _kept("stripe-key", "sk_test_"),
        "STRIPE_WEBHOOK_SECRETS": _kept("webhook-secret", "whsec_"),
        "STRIPE_API_BASE": f"http://127.0.0.1:{ports.stripe}",
        "STRIPE_REFUND_KEY": _kept("refund-key", "rk_test_"),
        # the number that stands for Germany in every list of examples
        "BANK_HOLDER": "Vigil (an example)",
        "BANK_IBAN": "DE89370400440532013000",
        "BANK_NAME": "no real account: transfer nothing",
        # everybody who tries it comes from one address, this machine's
        "FORM_LIMIT": "600 per hour",
        "CHECKOUT_LIMIT": "300 per hour",
        "SIGN_IN_LIMIT": "300 per hour",
    }
    lines = [MARK, *(f"{name}={value}" for name, value in own.items())]
    _write_private(SETTINGS_FILE, "\n".join(lines) + "\n")


def _environment() -> dict[str, str]:
    direct = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), LOOPBACK]
    around = ",".join(filter(None, direct))
    return {**os.environ, "NO_PROXY": around, "no_proxy": around, "PYTHONUNBUFFERED": "1"}


def _kept(name: str, prefix: str) -> str:
    path = OUTSIDE / name
    if not path.exists():
        _write_private(path, prefix + secrets.token_hex(16))
    return path.read_text("ascii")


def _write_private(path: Path, text: str) -> None:
    """Write the whole file or nothing, for its owner alone."""
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


def _prepare(environment: dict[str, str]) -> None:
    """Bring the database up to date, make keys and the first administrator, load the campaigns."""
    _flask(["db", "upgrade"], environment)
    is_first = _flask(["staff", "list"], environment).strip() == ""
    if is_first:
        with _undisturbed():  # what it prints, nobody can look up later
            UNSEEN.touch()
            _say_first(json.loads(_flask(["init", "--one-key-holder", "--json"], environment)))
            UNSEEN.unlink()
    elif UNSEEN.exists():
        _print(
            "\nThe first staff sign-in was made, but the start was cut off before it was shown. "
            "For a new one\nstop here and remove instance/ and .demo/."
        )
    _flask(["campaigns", "load", str(ROOT / "config" / "campaigns")], environment)
    if is_first:
        _run(["demo.goals"], environment)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _flask(arguments: Sequence[str], environment: dict[str, str]) -> str:
    return _run(["flask", "--app", "app", *arguments], environment)


def _run(arguments: Sequence[str], environment: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode != 0:
        raise CannotStart(
            f"`{' '.join(arguments)}` failed:\n{done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout


def _commands(ports: Ports, settings: Settings) -> list[tuple[str, list[str]]]:
    python = sys.executable
    key = settings.stripe_secret_key or _kept("stripe-key", "sk_test_")
    secret = [*settings.stripe_webhook_secrets, _kept("webhook-secret", "whsec_")][0]
    mailbox = [python, "-m", "demo.mailbox", "--smtp-port", str(ports.smtp)]
    mailbox += ["--http-port", str(ports.mailbox)]
    stripe = [python, "-m", "demo.stripe", "--port", str(ports.stripe)]
    stripe += ["--ledger", str(OUTSIDE / "stripe.db"), "--secret-key", key]
    stripe += ["--webhook-url", f"http://127.0.0.1:{ports.site}/stripe/webhook"]
    stripe += ["--webhook-secret", secret]
    if settings.stripe_refund_key.startswith("rk_test_"):
        stripe += ["--restricted-key", f"{settings.stripe_refund_key}=rak_charge_write"]
    site = [str(Path(python).parent / "granian"), "--interface", "wsgi", "--factory"]
    site += ["--host", "127.0.0.1", "--port", str(ports.site), "--workers", "2"]
    site += ["--blocking-threads", "4", "--respawn-failed-workers", "--no-ws"]
    site += ["--log-level", "warning", "app:create_app"]
    worker = [python, "-m", "flask", "--app", "app", "mail", "work"]
    return [
        ("The mailbox", mailbox),
        ("The Stripe stand-in", stripe),
        ("The web server", site),
        ("The mail worker", worker),
    ]


def _wait_for_answers(ports: Ports, parts: list[Part]) -> None:
    for address in (
        f"http://127.0.0.1:{ports.mailbox}/",
        f"http://127.0.0.1:{ports.stripe}/",
        f"http://127.0.0.1:{ports.site}/readyz",
    ):
        deadline = time.monotonic() + PATIENCE
        while not _answers(address):
            _check_alive(parts)
            if time.monotonic() > deadline:
                raise CannotStart(f"{address} did not answer within {PATIENCE} seconds.")
            time.sleep(0.1)


def _answers(address: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _check_alive(parts: list[Part]) -> None:
    for part in parts:
        if part.fate:
            raise CannotStart(
                f"{part.name} ended by itself ({part.fate}), so everything was stopped. "
                "The data is kept: make run starts it again."
            )


def _watch(parts: list[Part], parent: Parent) -> None:
    while not parent.is_done_with_us():
        _check_alive(parts)
        time.sleep(0.5)
    raise Stopped


def _say_first(first: dict[str, str]) -> None:
    _print(
        f"""
First staff sign-in, shown only now:

  Name                {first["name"]}
  Passphrase          {first["passphrase"]}
  Recovery code       {first["recovery_code"]}

Write them down: nobody can look them up later."""
    )


def _say(ports: Ports) -> None:
    site = f"http://127.0.0.1:{ports.site}"
    _print(
        f"""
Vigil is running. Ctrl-C stops everything; the data stays.

  The site            {site}/
  Staff               {site}/staff/
  Mailbox             http://127.0.0.1:{ports.mailbox}/   (every mail that Vigil sends)
  Stripe stand-in     http://127.0.0.1:{ports.stripe}/   (test card 4242 4242 4242 4242;
                      later payments, refunds and disputes by buttons)
"""
    )


def _print(text: str) -> None:
    with suppress(OSError):  # the terminal is gone
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
