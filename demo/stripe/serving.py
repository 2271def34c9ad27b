"""Puts the stand-in together, and runs it on a port of this computer."""

import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from demo.stripe import controls as everyday_controls
from demo.stripe import life_controls
from demo.stripe.account import Account
from demo.stripe.api import RequestLog, api
from demo.stripe.buttons import buttons
from demo.stripe.deliverer import Deliverer
from demo.stripe.faults import Faults
from demo.stripe.gate import open_gate
from demo.stripe.hosted import hosted
from demo.stripe.invoice_pages import invoice_pages
from demo.stripe.keys import keyring_of
from demo.stripe.ledger import Ledger
from demo.stripe.loopback import guard_host
from demo.stripe.orders import controls
from demo.stripe.portal_pages import portal_pages

HOST = "127.0.0.1"
CONTROLS = (everyday_controls, life_controls)  # importing them is what adds their addresses


def create_stand_in(
    ledger: Path | None,
    webhook_url: str,
    webhook_secrets: Sequence[str],
    secret_key: str,
    base_url: str,
    restricted_keys: Mapping[str, Collection[str]] | None = None,
) -> Flask:
    """The application. `ledger` None keeps it in memory; an empty `webhook_url` sends nothing;
    `base_url` is where payers find the hosted page; `restricted_keys` are further keys, each with
    its permissions (demo.stripe.keys). Deliveries begin with
    `app.extensions["deliverer"].start()`.

    Raises LiveKeyRefused, NotLoopback, UnknownPermission.
    """
    app = Flask("demo.stripe", template_folder="../templates", static_folder="../static")
    keys = keyring_of(secret_key, restricted_keys or {})
    account = Account(Ledger(ledger), open_gate(), keys, base_url.rstrip("/"))
    account.configure_endpoint(webhook_url, webhook_secrets)
    app.extensions |= {
        "account": account,
        "deliverer": Deliverer(account),
        "faults": Faults(),
        "request_log": RequestLog(),
    }
    guard_host(app)
    for part in (api, hosted, invoice_pages, portal_pages, buttons, controls):
        app.register_blueprint(part)
    return app


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the ledger knows."""


class RunningStandIn:
    """The stand-in on a port (0: any that is free), with its deliverer; a context manager."""

    def __init__(
        self,
        *,
        port: int = 0,
        ledger: Path | None = None,
        webhook_url: str = "",
        webhook_secrets: Sequence[str] = (),
        secret_key: str,
        restricted_keys: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        listening = socket.create_server((HOST, port))
        self.url = f"http://{HOST}:{listening.getsockname()[1]}"
        try:
            self.app = create_stand_in(
                ledger, webhook_url, webhook_secrets, secret_key, self.url, restricted_keys
            )
            self._server: BaseWSGIServer = make_server(
                HOST, 0, self.app, threaded=True, request_handler=_Quiet, fd=listening.fileno()
            )
        finally:
            listening.close()
        self.account: Account = self.app.extensions["account"]
        self.deliverer: Deliverer = self.app.extensions["deliverer"]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="stand-in", daemon=True
        )

    def start(self) -> None:
        self.deliverer.start()
        self._thread.start()

    def stop(self) -> None:
        self.deliverer.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.account.ledger.close()

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
