"""Limits per network, also while the shared Redis is away."""

from __future__ import annotations

import pytest

from tests.support.instances import Instance
from web.throttle import network_prefix, spend


@pytest.fixture
def engine_name() -> str:
    """No database is asked here."""
    return "sqlite"


def test_without_its_redis_each_process_counts_by_itself(instance: Instance) -> None:
    app = instance.app(redis_url="redis://127.0.0.1:1/0")
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        assert [spend("2 per hour", "sign") for _ in range(3)] == [True, True, False]
        assert spend("2 per hour", "volunteer")


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
    ],
)
def test_a_network_is_one_subscribers_share(address: str, prefix: str) -> None:
    assert network_prefix(address) == prefix
