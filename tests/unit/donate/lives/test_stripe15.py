"""The same lives under the newest stripe 15 release, which speaks the API version before ours.

tools/environment.py puts it into a folder of its own, which here comes before all others.
"""

from __future__ import annotations

import os
import subprocess
import sys

from config.settings import ROOT

FOLDER = ROOT / ".venv" / "stripe15"
ROOM = "tests/unit/donate"
FILES = (
    f"{ROOM}/lives/test_lives.py",
    *sorted(str(path) for path in (ROOT / ROOM).glob("test_gateway*.py")),
)
# Each life in order over sockets, and reconciled when no event came; and all else that we ask.
WHICH = "test_books_in_order or (however and reconciled) or test_gateway"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    environment.pop("LIVES_TABLE", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_stripe_15_serves_as_well() -> None:
    assert FOLDER.is_dir(), "stripe 15 is missing: make test installs it"
    said = run("-c", "import stripe; print(stripe.VERSION, stripe.api_version)")
    version, api_version = said.stdout.split()
    assert version.startswith("15.")
    assert f"stripe=={version} " in (ROOT / "requirements" / "stripe15.txt").read_text("utf-8")
    assert api_version.endswith(".dahlia")
    done = run("-m", "pytest", "-q", "-x", *FILES, "-k", WHICH)
    assert done.returncode == 0, done.stdout[-5_000:]
