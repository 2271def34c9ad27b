"""Prepares what `make` needs, with the standard library alone: `environment.py run|test|bench`.

Makes .venv, fills it from the locked requirements (hashes checked) and, for tests, looks for the
system's own programs. Says in one sentence what is missing. Must parse on old Pythons, too.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
WHOLE = os.path.join(VENV, "whole")  # says where .venv was made; absent while pip is at work
NEWEST_FIRST = ["python3.14", "python3.13", "python3.12", "python3.11"]
SYSTEM = {  # programs, any of which will do: Debian's package
    "test": {
        "chromium chromium-browser": "chromium",
        "openssl": "openssl",
        "redis-server": "redis-server",
        "pg_ctl": "postgresql",
    },
    "bench": {"wrk": "wrk", "pg_ctl": "postgresql"},
}


def stop(sentence):
    """End with one clear sentence."""
    sys.exit("\n" + sentence + "\n")


def claim_folder():
    """Wait until no other make prepares this folder; ours until we and what we called ended."""
    claim = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make is preparing this folder; waiting for it ...", flush=True)
        fcntl.flock(claim, fcntl.LOCK_EX)
    os.set_inheritable(claim, True)


def call(command, **options):
    """Run a program to its end, its exit code; it keeps our claim should we be killed."""
    return subprocess.call(command, close_fds=False, **options)


def find_python():
    """The interpreter to build with: this one, if it is new enough, else a newer one on PATH."""
    if sys.version_info >= (3, 11):
        return sys.executable
    for name in NEWEST_FIRST:
        if shutil.which(name):
            return shutil.which(name)
    stop(
        "Vigil needs Python 3.11 or newer; this is {}.{}. Install a newer one (Debian 12, Ubuntu "
        "24.04: sudo apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3 "
        "run".format(*sys.version_info[:2])
    )


def make_venv(python):
    """Make .venv where there is none that is whole, of this folder, and works."""
    inside = os.path.join(VENV, "bin", "python")
    if read(WHOLE) == VENV and call([inside, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0:
        return inside
    if not os.access(ROOT, os.W_OK):
        stop("Vigil keeps its environment and data beside its code, and may not write to " + ROOT)
    if call([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL) != 0:
        stop(
            "{} cannot make virtual environments: install the package python3-venv "
            "(Debian or Ubuntu: sudo apt install python3-venv) and run make again.".format(python)
        )
    print("Making the virtual environment ...", flush=True)
    if call([python, "-m", "venv", "--clear", VENV]) != 0:
        stop("The virtual environment .venv could not be made; the lines above say why.")
    write(WHOLE, VENV)
    return inside


def install(python, lock, *where):
    """Install the locked packages once for each state of the lock."""
    path = os.path.join(ROOT, "requirements", lock + ".txt")
    marker = os.path.join(VENV, "installed-" + lock)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if read(marker) == digest:
        return
    print("Installing the locked packages ({}) ...".format(lock), flush=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--require-hashes", "--only-binary", ":all:", "-r", path]
    command += where
    os.remove(WHOLE)  # broken off here, pip may take a half-written package for a whole one
    log, scratch = os.path.join(VENV, "pip.log"), os.path.join(VENV, "tmp")
    os.makedirs(scratch, exist_ok=True)  # so that what a killed pip leaves goes with .venv
    with open(log, "w") as file:
        failed = call(command, stderr=file, env=dict(os.environ, TMPDIR=scratch)) != 0
    shutil.rmtree(scratch, ignore_errors=True)
    write(WHOLE, VENV)
    if failed:
        said = [line for line in read(log).splitlines() if not line.startswith("WARNING")]
        sys.stderr.write("\n".join(said[-3:]) + "\n")
        stop(
            "The packages could not be installed. Is this machine connected to the Internet "
            "and can it reach the Python package index? Then run make again."
        )
    write(marker, digest)


def find_program(names):
    """The first of these programs on PATH or where Debian keeps PostgreSQL's."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    base = "/usr/lib/postgresql"
    if os.path.isdir(base):
        places += "".join(":{}/{}/bin".format(base, v) for v in sorted(os.listdir(base)))
    return next(filter(None, (shutil.which(name, path=places) for name in names.split())), None)


def missing_packages(purpose):
    """Debian's names of the packages whose programs are not there."""
    wanted = SYSTEM.get(purpose, {})
    return sorted({package for names, package in wanted.items() if not find_program(names)})


def system_packages(purpose):
    """Install the system's programs with apt as root or by sudo; elsewhere name what is missing."""
    missing = missing_packages(purpose)
    if not missing:
        return
    become_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not become_root or may_sudo()):
        print("Installing system packages: {} ...".format(" ".join(missing)), flush=True)
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        apt = become_root + ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        subprocess.call(apt + ["update"], stdout=subprocess.DEVNULL, env=environment)
        wanted = ["install", "-y", "--no-install-recommends"] + missing
        subprocess.call(apt + wanted, stdout=subprocess.DEVNULL, env=environment)
    still = " ".join(missing_packages(purpose))
    if still:
        stop(
            "System packages are missing: {0}. Install them (Debian: sudo apt install {0}) "
            "and run make again.".format(still)
        )


def may_sudo():
    """Whether sudo is there and asks for no password."""
    return shutil.which("sudo") and call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL) == 0


def read(path):
    """A file's text; nothing where there is no file."""
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


def write(path, text):
    """Write a file."""
    with open(path, "w") as file:
        file.write(text)


def interrupted(number, frame):
    """End quietly; what we wait for ends with us."""
    raise KeyboardInterrupt


def main():
    """Prepare for the purpose named on the command line."""
    signal.signal(signal.SIGTERM, interrupted)
    purpose = sys.argv[1]
    try:
        claim_folder()
        python = make_venv(find_python())
        install(python, "demo" if purpose == "run" else "test")
        if purpose == "test":  # the release before, in a folder of its own beside the others
            beside = os.path.join(VENV, "stripe15")
            install(python, "stripe15", "--no-deps", "--upgrade", "--target", beside)
        system_packages(purpose)
    except KeyboardInterrupt:
        stop("Stopped before it was ready; make begins again where needed.")
    except OSError as error:
        stop("Vigil cannot be prepared here: {}".format(error))


if __name__ == "__main__":
    main()
