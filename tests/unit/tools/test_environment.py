"""What `make` says before anything is installed; each in the words of one sentence."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import ROOT

SCRIPT = ROOT / "tools" / "environment.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script reads, and nothing made yet."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def prepare(
    checkout: Path, *, prelude: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as make does, after a prelude that spoils something."""
    code = f"import runpy, sys; sys.argv = ['environment.py', 'run']; {prelude}\n"
    code += f"runpy.run_path({str(checkout / 'tools' / 'environment.py')!r}, run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_parses_on_old_pythons() -> None:
    ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 6))


def test_too_old_a_python_is_told_which_is_needed(checkout: Path) -> None:
    done = prepare(checkout, prelude="sys.version_info = (3, 9, 2)", PATH="/nowhere")
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.9" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_venv_is_named_with_its_package(checkout: Path) -> None:
    hidden = checkout / "hidden"
    (hidden / "ensurepip").mkdir(parents=True)
    (hidden / "ensurepip" / "__init__.py").write_text("raise ImportError\n")
    done = prepare(checkout, PYTHONPATH=str(hidden))
    assert done.returncode == 1
    assert "install the package python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_python_at_all_is_said_by_make(checkout: Path) -> None:
    done = subprocess.run(
        [shutil.which("make") or "make", "run", "PYTHON=python-of-nowhere"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Vigil needs Python 3.11 or newer" in done.stdout


@pytest.mark.parametrize("whole", ["", "/elsewhere/.venv"], ids=["broken off", "moved"])
def test_an_environment_that_is_not_whole_is_made_anew(checkout: Path, whole: str) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / ".venv" / "whole").write_text(whole)
    (checkout / ".venv" / "half-written").touch()
    done = prepare(checkout, PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1")
    assert "Making the virtual environment" in done.stdout
    assert "packages could not be installed" in done.stderr
    assert not (checkout / ".venv" / "half-written").exists()
    assert not (checkout / ".venv" / "installed-demo").exists()
