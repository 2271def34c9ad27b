"""The connection to Stripe: it leads to one host and nowhere else."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests


def open_session() -> requests.Session:
    """A session that follows nobody to another address and keeps no cookie.

    Both SDK and requests follow redirects by themselves, with what a donor typed. Threads may
    share it: without cookies nothing of it changes.
    """
    session = requests.Session()
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session
