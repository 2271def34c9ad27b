"""A whole site on the loopback: granian, worker, Stripe stand-in and mailbox, as processes run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from config.settings import ROOT
from demo.mailbox import Mailbox, Message
from demo.stripe.serving import RunningStandIn
from tests.support.instances import STRIPE, Instance
from tests.support.ports import free_port

PATIENCE = 30  # seconds
BANK_IBAN = "DE89370400440532013000"  # made up; with it the pages about transfers are there
T = TypeVar("T")


@dataclass
class Site:
    """What runs, and where."""

    url: str
    instance: Instance
    mailbox: Mailbox
    stripe: RunningStandIn
    log: Path

    def mail_to(self, address: str, count: int = 1) -> Message:
        """The mail to an address that came as the count-th, whatever has followed it since."""

        def awaited() -> Message | None:
            found = self.mails_to(address)
            return found[count - 1] if len(found) >= count else None

        return self.wait_for(awaited, f"mail {count} to {address}")

    def mails_to(self, address: str) -> list[Message]:
        """The mails that have come to an address so far, oldest first."""
        return [message for message in self.mailbox.messages if address in message.to]

    def wait_for(self, look: Callable[[], T | None], what: str) -> T:
        """What is looked for, once it is there; what the site has logged where it never comes."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.1)
        raise AssertionError(f"no {what}\n{self.log.read_text()}")


@contextmanager
def running_site(instance: Instance) -> Iterator[Site]:
    """Start a site on an installation; stop all of it at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = instance.folder.parent / f"{instance.folder.name}.log"
    with ExitStack() as stack:
        mailbox = stack.enter_context(Mailbox())
        stripe = stack.enter_context(
            RunningStandIn(
                webhook_url=f"{url}/stripe/webhook",
                webhook_secrets=STRIPE["stripe_webhook_secrets"],
                secret_key=str(STRIPE["stripe_secret_key"]),
            )
        )
        environment = {
            **os.environ,
            **instance.environment,
            "BASE_URL": url,
            "MAIL_URL": f"smtp://127.0.0.1:{mailbox.port}",
            "STRIPE_SECRET_KEY": str(STRIPE["stripe_secret_key"]),
            "STRIPE_WEBHOOK_SECRETS": ",".join(STRIPE["stripe_webhook_secrets"]),
            "STRIPE_API_BASE": stripe.url,
            "FORM_LIMIT": "1000 per hour",
            "CHECKOUT_LIMIT": "1000 per hour",
            "SIGN_IN_LIMIT": "1000 per hour",
            "PAGE_CACHE_SECONDS": "0.1",
            "BANK_IBAN": BANK_IBAN,
        }
        output = stack.enter_context(log.open("wb"))
        granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi"]
        granian += ["--factory", "--port", str(port), "--workers", "1", "--blocking-threads", "4"]
        granian += ["--no-ws", "--log-level", "error", "app:create_app"]
        worker = [sys.executable, "-m", "flask", "--app", "app", "mail", "work"]
        for command in (granian, worker):
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output
            )
            stack.callback(_end, process)
        _wait(f"{url}/readyz", log)
        yield Site(url, instance, mailbox, stripe, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=20)


def _wait(address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - loopback
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer\n{log.read_text()}")
