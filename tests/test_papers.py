"""README and docs say what is so: defaults, commands, links, and how the samples are set up."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import click
import pytest
from flask import Flask

from config.settings import ROOT, Settings

README = (ROOT / "README.md").read_text("utf-8")
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROWS = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", README, re.M)
# the code has an empty value
NOTHING = {"none", "made by `init`", "`CONTACT_EMAIL`", "`ORGANISATION`", "`MAIL_FROM`"}


def in_words(value: object) -> str:
    """A default as the README writes it."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value).replace(f"{ROOT}/", "")


@pytest.mark.parametrize(("name", "cell"), ROWS, ids=lambda text: str(text)[:30])
def test_the_default_is_the_one_in_the_table(name: str, cell: str) -> None:
    default = in_words(Settings.model_fields[name.lower()].default)
    assert ("" if cell in NOTHING else cell.strip("`")) == default


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_flask_command_in_the_papers_exists(app: Flask) -> None:
    advice = ROOT / "safety/words_promises.py"  # what the page on safety says to do
    places = [*PAPERS, *(ROOT / "docs/operate").iterdir(), advice]
    text = "\n".join(path.read_text("utf-8") for path in places)
    found = set(re.findall(r"(?:flask --app app|“flask) ([a-z][a-z -]*[a-z])", text))
    assert {"staff rotate --new-recovery-code", "panic --undo"} <= found
    for words in found:
        command: click.Command = app.cli
        for word in words.split():
            if word.startswith("--"):
                assert word in {name for one in command.params for name in one.opts}, words
            elif isinstance(command, click.Group):
                known = command.get_command(click.Context(command), word)
                assert known, f"flask --app app {words}"
                command = known


def test_every_make_target_in_the_papers_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    named = set(re.findall(r"(?:`| {4})make ([a-z]+(?: [a-z]+)*)", README))
    assert named
    assert {word for words in named for word in words.split()} - {"all", "that"} <= targets


def test_the_proxy_writes_nothing_of_a_visitor_to_its_disk() -> None:
    sample = (ROOT / "docs/operate/nginx.conf").read_text("utf-8")
    assert re.search(r"proxy_max_temp_file_size 0;", sample)
    sizes = re.findall(r"client_(?:max_body|body_buffer)_size (\w+);", sample)
    assert len(sizes) == 2
    assert len(set(sizes)) == 1, "a longer body would lie in a temporary file"
    assert sample.count("access_log off;") == sample.count("\nserver {")
    assert not re.search(r"X-Forwarded-For \$proxy_add", sample)


def test_the_proxy_speaks_no_cipher_without_forward_secrecy() -> None:
    sample = (ROOT / "docs/operate/nginx.conf").read_text("utf-8")
    assert re.search(r"ssl_protocols TLSv1\.2 TLSv1\.3;", sample)
    chosen = re.search(r"ssl_ciphers (\S+);", sample)
    assert chosen
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(chosen[1])
    names = [cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert names
    for name in names:
        assert re.fullmatch(r"ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM|CHACHA20)-.*", name), name


def test_the_proxy_leads_people_on_and_no_program() -> None:
    sample = (ROOT / "docs/operate/nginx.conf").read_text("utf-8")
    plain = sample[sample.index("listen 80;") : sample.index("listen 443")]
    kept = re.search(r"location ~ (\S+) \{\s+return 404;", plain)
    assert kept
    for path in ("/stripe/webhook", "/healthz", "/readyz"):
        assert re.match(kept[1], path)
    assert not re.match(kept[1], "/en/donate")


def test_the_key_that_refunds_is_the_workers_alone() -> None:
    units = {path.name: path.read_text("utf-8") for path in (ROOT / "docs/operate").iterdir()}
    given = {name for name, unit in units.items() if "\nEnvironmentFile=" in unit}
    assert given == {"vigil-mail.service"}
    (file,) = re.findall(r"EnvironmentFile=-?(\S+)", units["vigil-mail.service"])
    assert f"`STRIPE_REFUND_KEY=…` into `{file}`" in README


SECURITY = (ROOT / "docs/security.md").read_text("utf-8")
VERIFIED = re.findall(
    r"^\| ([0-9][^|]*) \| (yes|partly|no|n/a) \| ([^|]*) \| ([^|]*) \|$", SECURITY, re.M
)
LEVELS_1_AND_2 = 253  # requirements of OWASP ASVS 5.0.0 of these two levels


def requirements() -> dict[str, str]:
    """Each requirement in the table of the security page, and whether it is met."""
    found: dict[str, str] = {}
    for cell, met, _, _ in VERIFIED:
        for part in cell.split():
            first, _, last = part.partition("–")
            section, _, number = first.rpartition(".")
            for n in range(int(number), int((last or first).rpartition(".")[2]) + 1):
                assert f"{section}.{n}" not in found, part
                found[f"{section}.{n}"] = met
    return found


def test_security_page_counts_every_requirement_once() -> None:
    met = list(requirements().values())
    assert len(met) == LEVELS_1_AND_2
    said = re.search(
        r"(\d+) are met, (\d+) are met in part, (\d+) are not met, and (\d+) do not", SECURITY
    )
    assert said
    assert [int(n) for n in said.groups()] == [met.count(x) for x in ("yes", "partly", "no", "n/a")]


def test_security_page_names_tests_that_exist() -> None:
    for cell, met, how, shown in VERIFIED:
        place = shown.strip().strip("`")
        assert how.strip(), cell
        assert place == "–" or (ROOT / place).exists(), f"{cell}: {place}"
        if met == "yes" and place == "–":
            assert cell.strip() in {"1.5.1"}, f"{cell} is shown by nothing"
