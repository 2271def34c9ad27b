"""Limits per network, by a key that says nothing of an address and changes every day."""

from __future__ import annotations

import hmac
import ipaddress
from datetime import UTC, datetime

from flask import Flask, request
from flask_limiter import Limiter
from limits import parse

from config.settings import Settings
from vault.services import vault

limiter = Limiter(key_func=lambda: network_key(), default_limits=[])


def init_throttle(app: Flask, settings: Settings) -> None:
    """Count in memory, or in Redis where several machines must count together."""
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "memory://"
    app.config["RATELIMIT_STRATEGY"] = "sliding-window-counter"
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = bool(settings.redis_url)
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
    return limiter.limiter.hit(parse(limit), purpose, network_key(), cost=cost)
