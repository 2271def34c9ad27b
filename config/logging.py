"""Logging that cannot hold personal data: ids and event names only, one line each, to stderr."""

from __future__ import annotations

import logging
import re
import sys

# What could still slip through a library's message: addresses of people and tokens in paths.
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_TOKEN = re.compile(r"(?<![\w-])[\w-]{40,}(?![\w-])")


class WithoutPersons(logging.Filter):
    """Replaces anything that looks like an e-mail address or a token, also inside a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = scrub(record.getMessage())
        record.args = ()
        if record.exc_info and record.exc_info[0] is not None:
            # A traceback's last line quotes values (a constraint's row, a mail server's reply).
            record.msg += f" [{record.exc_info[0].__name__}{_where(record)}]"
            record.exc_info = None
            record.exc_text = None
        return True


def scrub(text: str) -> str:
    """Take e-mail addresses and tokens out of a line."""
    return _TOKEN.sub("[token]", _EMAIL.sub("[address]", text))


def _where(record: logging.LogRecord) -> str:
    traceback = record.exc_info[2] if record.exc_info else None
    places = []
    while traceback:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return " at " + " > ".join(places[-6:]) if places else ""


def init_logging() -> None:
    """Send everything from warnings up, and our own from info up, to stderr without persons."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.addFilter(WithoutPersons())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("vigil").setLevel(logging.INFO)
    # SQLAlchemy writes bound values at INFO and into its errors: never below WARNING.
    for name in ("sqlalchemy", "stripe", "urllib3", "smtplib"):
        logging.getLogger(name).setLevel(logging.WARNING)
