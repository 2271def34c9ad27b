"""Limits per network, by a key that says nothing of an address and changes every day."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from datetime import UTC, datetime

from flask import Flask, current_app, request
from flask_limiter import Limiter
from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from config.settings import Settings
from vault.services import vault

REDIS_SECONDS = 2.0  # that a Redis may take to answer
log = logging.getLogger("vigil.web")

limiter = Limiter(key_func=lambda: network_key(), default_limits=[])


def init_throttle(app: Flask, settings: Settings) -> None:
    """Count in memory, or in Redis where several machines must count together.

    While that Redis is away each process counts by itself. (Flask-Limiter's own way of doing so
    works for its decorators alone.)
    """
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "memory://"
    app.config["RATELIMIT_STRATEGY"] = "sliding-window-counter"
    if settings.redis_url:
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {
            "wrap_exceptions": True,
            "socket_timeout": REDIS_SECONDS,
            "socket_connect_timeout": REDIS_SECONDS,
        }
    app.extensions["vigil_own_limits"] = SlidingWindowCounterRateLimiter(MemoryStorage())
    limiter.init_app(app)


def network_prefix(address: str) -> str:
    """The network an address belongs to: /24 of IPv4, /48 of IPv6 (one subscriber's share)."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def network_key() -> str:
    """The visitor's network under today's key (UTC)."""
    try:
        prefix = network_prefix(request.remote_addr or "")
    except ValueError:
        prefix = "unknown"
    key = vault().daily_key("throttle", datetime.now(UTC).date())
    return hmac.digest(key, prefix.encode(), "sha256")[:16].hex()


def spend(limit: str, purpose: str, cost: int = 1) -> bool:
    """Take `cost` from this network's quota for a purpose; False where nothing is left."""
    return _hit(limit, purpose, network_key(), cost)


def spend_overall(limit: str, purpose: str) -> bool:
    """Take one from a quota that all networks share; False where nothing is left."""
    return _hit(limit, purpose, "overall", 1)


def _hit(limit: str, purpose: str, key: str, cost: int) -> bool:
    item = parse(limit)
    try:
        return limiter.limiter.hit(item, purpose, key, cost=cost)
    except StorageError:
        log.warning("the Redis of REDIS_URL does not answer: this process counts limits by itself")
        own: SlidingWindowCounterRateLimiter = current_app.extensions["vigil_own_limits"]
        return own.hit(item, purpose, key, cost=cost)
