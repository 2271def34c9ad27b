"""`python -m demo.stripe`: the stand-in on 127.0.0.1 until it is told to stop."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from demo.stripe.account import NotLoopback
from demo.stripe.keys import LiveKeyRefused, UnknownPermission
from demo.stripe.serving import RunningStandIn


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.stripe", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, help="a SQLite file; in memory without it")
    parser.add_argument("--webhook-url", default="", help="where events are posted")
    parser.add_argument(
        "--webhook-secret", action="append", default=[], help="repeat it while rolling a secret"
    )
    parser.add_argument("--secret-key", required=True, help="a test key: sk_test_… or rk_test_…")
    parser.add_argument(
        "--restricted-key",
        action="append",
        default=[],
        type=_key_with_permissions,
        help="a further key, as rk_test_…=rak_charge_write,rak_invoice_read; may be repeated",
    )
    return parser


def _key_with_permissions(given: str) -> tuple[str, list[str]]:
    key, _, permissions = given.partition("=")
    return key, [one for one in permissions.split(",") if one]


def main() -> None:
    parser = _arguments()
    given = parser.parse_args()
    if given.webhook_url and not given.webhook_secret:
        parser.error("--webhook-url needs at least one --webhook-secret")
    try:
        stand_in = RunningStandIn(
            port=given.port,
            ledger=given.ledger,
            webhook_url=given.webhook_url,
            webhook_secrets=given.webhook_secret,
            secret_key=given.secret_key,
            restricted_keys=dict(given.restricted_key),
        )
    except (LiveKeyRefused, NotLoopback, UnknownPermission) as refusal:
        parser.error(str(refusal))
    except OSError as failure:
        parser.error(f"port {given.port}: {failure.strerror}")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with stand_in:
        sys.stdout.write(f"Stripe stand-in (test only): {stand_in.url}\n")
        sys.stdout.flush()
        stopping.wait()


if __name__ == "__main__":
    main()
