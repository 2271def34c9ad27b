"""Logging that cannot hold personal data: ids and event names only, one line each, to stderr."""

from __future__ import annotations

import logging
import re
import sys

# What could still slip through a library's message: addresses of people and tokens in paths.
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_TOKEN = re.compile(r"(?<![\w-])[\w-]{40,}(?![\w-])")
# The web server hands a traceback on as words, values and all.
_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\):\n(.*?)^([A-Za-z_][\w.]*)(?::.*|$)", re.M | re.S
)
_PLACE = re.compile(r'^ +File "(?:[^"\n]*/)?([^"\n]+)", line (\d+)', re.M)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class WithoutPersons(logging.Filter):
    """Replaces anything that looks like an e-mail address or a token, also inside a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's mistake is no reason to fail
            message = str(record.msg)
        record.msg, record.args = scrub(_TRACEBACK.sub(_without_values, message)), ()
        if record.exc_info and record.exc_info[0] is not None:
            # A traceback's last line quotes values (a constraint's row, a mail server's reply).
            record.msg += f" {_told(record.exc_info[0].__name__, _places(record))}"
            record.exc_info = None
            record.exc_text = None
        return True


def scrub(text: str) -> str:
    """Take e-mail addresses and tokens out of a message, and make one line of it."""
    return _CONTROL.sub(" ", _TOKEN.sub("[token]", _EMAIL.sub("[address]", text)))


def _told(kind: str, places: list[str]) -> str:
    where = " at " + " > ".join(places[-6:]) if places else ""
    return f"[{kind}{where}]"


def _places(record: logging.LogRecord) -> list[str]:
    traceback = record.exc_info[2] if record.exc_info else None
    places = []
    while traceback:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return places


def _without_values(found: re.Match[str]) -> str:
    return _told(found[2], [":".join(place) for place in _PLACE.findall(found[1])])


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
    # The web server has handlers of its own, and tells there of a fault in a streamed answer.
    for name in ("_granian", "granian.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
