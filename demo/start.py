"""Starts web server, mail worker, Stripe stand-in and mailbox together, and stops them together."""

from __future__ import annotations

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
OUTSIDE = ROOT / ".demo"  # what Stripe would keep; no part of the instance
SETTINGS_FILE = INSTANCE / "settings.env"
MARK = "# Written by `make run` at each start. Take this line away to keep the file as it is."
PATIENCE = 60  # seconds to wait for a part to answer


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
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    children: list[subprocess.Popen[bytes]] = []
    try:
        ports = Ports(_port())
        _check_ports(ports)
        environment = _environment(ports)
        first = _prepare(environment)
        children += [_start(command, environment) for command in _commands(ports, environment)]
        _wait_for_answers(ports, children)
        _say(ports, first)
        _watch(children)
    except CannotStart as error:
        sys.exit(f"\n{error}\n")
    except Stopped:
        _print("\nStopping ...")
    finally:
        _end(children)


def _port() -> int:
    given = os.environ.get("PORT", "8000")
    if not given.isdigit() or not 1024 <= int(given) <= 65532:
        raise CannotStart(f"PORT={given} will not do: choose a number from 1024 to 65532.")
    return int(given)


def _check_ports(ports: Ports) -> None:
    for port in (ports.site, ports.mailbox, ports.stripe, ports.smtp):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise CannotStart(
                    f"Port {port} is in use. Stop what uses it, or choose others: "
                    f"make run PORT={ports.site + 100} (takes that one and the next three)."
                ) from None


def _environment(ports: Ports) -> dict[str, str]:
    """What a first look needs, also for `flask` in a second terminal; the environment wins."""
    INSTANCE.mkdir(mode=0o700, exist_ok=True)
    OUTSIDE.mkdir(mode=0o700, exist_ok=True)
    if SETTINGS_FILE.exists() and not SETTINGS_FILE.read_text("utf-8").startswith(MARK):
        own = {}
    else:
        own = {
            "BASE_URL": f"http://127.0.0.1:{ports.site}",
            "MAIL_URL": f"smtp://127.0.0.1:{ports.smtp}",
            "STRIPE_SECRET_KEY": _kept("stripe-key", "sk_test_"),
            "STRIPE_WEBHOOK_SECRETS": _kept("webhook-secret", "whsec_"),
            "STRIPE_API_BASE": f"http://127.0.0.1:{ports.stripe}",
            # everybody who tries it comes from one address, this machine's
            "FORM_LIMIT": "600 per hour",
            "CHECKOUT_LIMIT": "300 per hour",
            "SIGN_IN_LIMIT": "300 per hour",
        }
        lines = [MARK, *(f"{name}={value}" for name, value in own.items())]
        SETTINGS_FILE.write_text("\n".join(lines) + "\n", "utf-8")
        SETTINGS_FILE.chmod(0o600)
    return {**own, **os.environ, "PYTHONUNBUFFERED": "1"}


def _kept(name: str, prefix: str) -> str:
    path = OUTSIDE / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(prefix + secrets.token_hex(16), "ascii")
    return path.read_text("ascii")


def _prepare(environment: dict[str, str]) -> dict[str, str]:
    """Bring the database up to date, make keys and the first administrator, load the campaigns."""
    _flask(["db", "upgrade"], environment)
    first: dict[str, str] = {}
    if _flask(["staff", "list"], environment).strip() == "":
        first = json.loads(_flask(["init", "--json"], environment))
    _flask(["campaigns", "load", str(ROOT / "config" / "campaigns")], environment)
    return first


def _flask(arguments: Sequence[str], environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotStart(
            f"`flask {' '.join(arguments)}` failed:\n{done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout


def _commands(ports: Ports, environment: dict[str, str]) -> list[list[str]]:
    python = sys.executable
    return [
        [python, "-m", "demo.mailbox", "--smtp-port", str(ports.smtp)]
        + ["--http-port", str(ports.mailbox)],
        [python, "-m", "demo.stripe", "--port", str(ports.stripe)]
        + ["--ledger", str(OUTSIDE / "stripe.db")]
        + ["--webhook-url", f"http://127.0.0.1:{ports.site}/stripe/webhook"]
        + ["--webhook-secret", environment.get("STRIPE_WEBHOOK_SECRETS", "").split(",")[0]]
        + ["--secret-key", environment.get("STRIPE_SECRET_KEY", "")],
        [str(Path(python).parent / "granian"), "--interface", "wsgi", "--factory"]
        + ["--host", "127.0.0.1", "--port", str(ports.site), "--workers", "2"]
        + ["--blocking-threads", "4", "--respawn-failed-workers", "--no-ws"]
        + ["--log-level", "warning", "app:create_app"],
        [python, "-m", "flask", "--app", "app", "mail", "work"],
    ]


def _start(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches us alone, and we end the parts in order.
    return subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    )


def _wait_for_answers(ports: Ports, children: list[subprocess.Popen[bytes]]) -> None:
    for address in (
        f"http://127.0.0.1:{ports.mailbox}/",
        f"http://127.0.0.1:{ports.stripe}/",
        f"http://127.0.0.1:{ports.site}/readyz",
    ):
        deadline = time.monotonic() + PATIENCE
        while not _answers(address):
            _check_alive(children)
            if time.monotonic() > deadline:
                raise CannotStart(f"{address} did not answer within {PATIENCE} seconds.")
            time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _check_alive(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is not None:
            name = " ".join(str(part) for part in child.args[:3])  # type: ignore[index]
            raise CannotStart(f"A part ended by itself (exit {child.returncode}): {name}")


def _watch(children: list[subprocess.Popen[bytes]]) -> None:
    while True:
        _check_alive(children)
        time.sleep(0.5)


def _say(ports: Ports, first: dict[str, str]) -> None:
    site = f"http://127.0.0.1:{ports.site}"
    _print(
        f"""
Vigil is running. Ctrl-C stops everything; the data stays.

  The site            {site}/
  Staff               {site}/staff/
  Mailbox             http://127.0.0.1:{ports.mailbox}/   (every mail that Vigil sends)
  Stripe stand-in     http://127.0.0.1:{ports.stripe}/   (test card 4242 4242 4242 4242)"""
    )
    if first:
        _print(
            f"""
  First staff sign-in, shown only now:
    Name              {first["name"]}
    Passphrase        {first["passphrase"]}
    Recovery code     {first["recovery_code"]}
  Write them down: nobody can look them up later."""
        )
    _print("")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for child in reversed(children):
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
