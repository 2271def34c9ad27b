"""Stripe's pages that people are led to: to pay, to change a card, to mend a renewal."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from config.settings import Settings

ORIGINS = (
    "https://checkout.stripe.com",
    "https://billing.stripe.com",
    "https://invoice.stripe.com",
)
ADDRESS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")  # RFC 3986 2


def stripe_origins(settings: Settings) -> tuple[str, ...]:
    """Scheme and host of each; a stand-in has all pages in one place."""
    if settings.stripe_api_base:
        parts = urlsplit(settings.stripe_api_base)
        return (*ORIGINS, f"{parts.scheme}://{parts.netloc}")
    return ORIGINS


def is_stripe_page(address: str, settings: Settings) -> bool:
    """Whether an address is one of these pages, whoever says so: nobody is led elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin in stripe_origins(settings) and ADDRESS.fullmatch(address) is not None
