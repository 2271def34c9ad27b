"""Prepares what `make` needs, with the standard library alone: `environment.py run|test|bench`.

Makes .venv, fills it from the locked requirements (hashes checked) and, for tests, looks for the
system's own programs. Says in one sentence what is missing. Must parse on old Pythons, too.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
NEWEST_FIRST = ["python3.14", "python3.13", "python3.12", "python3.11", "python3"]
SYSTEM = {  # program: Debian's package
    "test": {
        "chromium": "chromium",
        "openssl": "openssl",
        "redis-server": "redis-server",
        "pg_ctl": "postgresql",
    },
    "bench": {"wrk": "wrk", "pg_ctl": "postgresql"},
}


def stop(sentence):
    """End with one clear sentence."""
    sys.exit("\n" + sentence + "\n")


def find_python():
    """The interpreter to build with: this one, if it is new enough, else a newer one on PATH."""
    if sys.version_info >= (3, 11):
        return sys.executable
    for name in NEWEST_FIRST[:-1]:
        if shutil.which(name):
            return shutil.which(name)
    stop(
        "Vigil needs Python 3.11 or newer; this is {}.{}. Install a newer one "
        "(Debian 12: apt install python3 python3-venv).".format(*sys.version_info[:2])
    )


def make_venv(python):
    """Make .venv where there is none that works."""
    inside = os.path.join(VENV, "bin", "python")
    if os.path.exists(inside) and subprocess.call([inside, "-c", "import pip"]) == 0:
        return inside
    if subprocess.call([python, "-c", "import ensurepip"], stderr=subprocess.DEVNULL) != 0:
        stop(
            "This Python cannot make virtual environments: install the package python3-venv "
            "(Debian or Ubuntu: sudo apt install python3-venv) and run make again."
        )
    print("Making the virtual environment ...", flush=True)
    if subprocess.call([python, "-m", "venv", "--clear", VENV]) != 0:
        stop("The virtual environment .venv could not be made; the lines above say why.")
    return inside


def install(python, lock):
    """Install the locked packages once for each state of the lock."""
    path = os.path.join(ROOT, "requirements", lock + ".txt")
    marker = os.path.join(VENV, "installed-" + lock)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if os.path.exists(marker) and open(marker).read() == digest:
        return
    print(f"Installing the locked packages ({lock}) ...", flush=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--require-hashes", "--only-binary", ":all:", "-r", path]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.stderr.write("\n".join(done.stderr.splitlines()[-5:]) + "\n")
        stop(
            "The packages could not be installed. Is this machine connected to the Internet "
            "and can it reach the Python package index? Then run make again."
        )
    with open(marker, "w") as file:
        file.write(digest)


def find_program(name):
    """A program on PATH or where Debian keeps PostgreSQL's."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    base = "/usr/lib/postgresql"
    if os.path.isdir(base):
        places += "".join(f":{base}/{v}/bin" for v in sorted(os.listdir(base)))
    return shutil.which(name, path=places)


def system_packages(purpose):
    """Install the system's programs with apt as root or by sudo; elsewhere name what is missing."""
    wanted = SYSTEM.get(purpose, {})
    missing = sorted({package for name, package in wanted.items() if not find_program(name)})
    if not missing:
        return
    become_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not become_root or shutil.which("sudo")):
        print("Installing system packages: {} ...".format(" ".join(missing)), flush=True)
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        apt = [*become_root, "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        subprocess.call([*apt, "update"], stdout=subprocess.DEVNULL, env=environment)
        subprocess.call(
            [*apt, "install", "-y", "--no-install-recommends", *missing],
            stdout=subprocess.DEVNULL,
            env=environment,
        )
    still = sorted({package for name, package in wanted.items() if not find_program(name)})
    if still:
        stop("These programs are needed and missing; install them: " + ", ".join(still))


def main():
    """Prepare for the purpose named on the command line."""
    purpose = sys.argv[1]
    python = make_venv(find_python())
    install(python, "run" if purpose == "run" else "test")
    system_packages(purpose)


main()
