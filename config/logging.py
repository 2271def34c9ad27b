"""Logging that cannot hold personal data: ids and event names only, one line each, to stderr."""

from __future__ import annotations

import logging
import re
import sys

# What could still slip through a library's message: addresses of people and tokens in paths.
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_TOKEN = re.compile(r"(?<![\w-])[\w-]{40,}(?![\w-])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class WithoutPersons(logging.Filter):
    """Replaces anything that looks like an e-mail address or a token, also inside a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's mistake is no reason to fail
            message = str(record.msg)
        record.msg, record.args = scrub(message), ()
        if record.exc_info and record.exc_info[0] is not None:
            # A traceback's last line quotes values (a constraint's row, a mail server's reply).
            record.msg += f" [{record.exc_info[0].__name__}{_where(record)}]"
            record.exc_info = None
            record.exc_text = None
        return True


def scrub(text: str) -> str:
    """Take e-mail addresses and tokens out of a message, and make one line of it."""
    return _CONTROL.sub(" ", _TOKEN.sub("[token]", _EMAIL.sub("[address]", text)))


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
    # SQLAlchemy writes bound values at INFO, werkzeug visitors' addresses: never below WARNING.
    for name in ("sqlalchemy", "werkzeug", "stripe", "urllib3", "smtplib"):
        logging.getLogger(name).setLevel(logging.WARNING)
