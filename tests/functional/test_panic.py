"""`flask panic` beside a running site: another process stops taking anything in."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request

from config.settings import ROOT
from tests.support.instances import Instance
from tests.support.site import Site, running_site
from tests.support.visitor import PETITION


def status_of(site: Site, path: str) -> int:
    """What the site answers."""
    try:
        with urllib.request.urlopen(f"{site.url}{path}", timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_running_site_closes_its_doors(instance: Instance) -> None:
    with running_site(instance) as site:
        assert status_of(site, PETITION) == 200
        command = [sys.executable, "-m", "flask", "--app", "app", "panic"]
        environment = {**os.environ, **instance.environment}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        site.wait_for(lambda: status_of(site, PETITION) == 503, "closed door")
        assert status_of(site, "/staff/sign-in") == 503
        assert status_of(site, "/en/") == 200
        assert not list((instance.folder / "volatile").glob("index-*.key"))
