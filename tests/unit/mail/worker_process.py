"""A worker of its own process, to be killed: HOME DATABASE_URL MAIL_URL."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from mail.worker import Worker
from tests.unit.mail.small_app import NOW, create_small_app

if __name__ == "__main__":
    home, database_url, mail_url = sys.argv[1:]
    logging.basicConfig(level=logging.INFO)
    app = create_small_app(Path(home), database_url, mail_url=mail_url)
    Worker(app, clock=lambda: NOW).run()
