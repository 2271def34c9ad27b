"""What lets thousands of looks at the stand-in take minutes instead of hours; nothing of ours.

The stand-in's answers are held to Stripe's description once for each shape, and the SDK's requests
reach it without a socket. Both are off where a life is played for the first time.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

from demo.stripe import RunningStandIn
from demo.stripe.gate import Gate

# Ids of ours, and of Stripe's; moments, too
CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}"
)


class RememberingGate(Gate):
    """Checks what differs from all it has seen by more than ids and times."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.descriptions)
        self.seen: set[bytes] = set()

    def check_request(self, method: str, path: str, body: str, query: str) -> None:
        """See Gate; one that was refused is not remembered."""
        key = _shape(method, path, body, query)
        if key not in self.seen:
            super().check_request(method, path, body, query)
            self.seen.add(key)

    def check_answer(self, method: str, path: str, answer: Any) -> None:
        """See Gate."""
        key = _shape(method, path, json.dumps(answer))
        if key not in self.seen:
            super().check_answer(method, path, answer)
            self.seen.add(key)

    def check_event(self, event: Any) -> None:
        """See Gate."""
        key = _shape("event", json.dumps(event))
        if key not in self.seen:
            super().check_event(event)
            self.seen.add(key)


def _shape(*parts: str) -> bytes:
    text = "\n".join(parts)
    return hashlib.sha256(CHANCE.sub("x", text).encode()).digest()


class NoSocket:
    """Stands in for HTTPAdapter.send: the stand-in's application answers in this thread."""

    def __init__(self, stand_in: RunningStandIn) -> None:
        self.stand_in, self.over_sockets = stand_in, HTTPAdapter.send
        self.is_on = True

    def as_method(self) -> Callable[..., requests.Response]:
        """What to put in place of HTTPAdapter.send."""

        def send(adapter: HTTPAdapter, request: Any, **options: Any) -> requests.Response:
            return self.send(adapter, request, **options)

        return send

    def send(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        """Answer a request, as HTTPAdapter.send does."""
        url = str(request.url)
        if not self.is_on or not url.startswith(self.stand_in.url):
            return self.over_sockets(adapter, request, **options)
        answer = self.stand_in.app.test_client().open(
            url.removeprefix(self.stand_in.url),
            base_url=self.stand_in.url,
            method=request.method,
            headers=list(request.headers.items()),
            data=request.body,
        )
        body = io.BytesIO(answer.data)
        headers = dict(answer.headers)
        raw = HTTPResponse(body, headers, answer.status_code, preload_content=False)
        return adapter.build_response(request, raw)
