"""Collects the words of pages and mails into `translations/`, or checks that nothing is missing.

`python -m tools.catalogues` updates each catalogue and compiles it; `--check` changes nothing and
fails where a sentence is untranslated, changed, or not yet compiled.
"""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "translations"
SOURCE_LANGUAGE = "en"  # the sentences in the code
METHODS = [
    ("templates/**.html", "jinja2.ext:babel_extract"),
    ("templates/**.txt", "jinja2.ext:babel_extract"),
    ("**.py", "python"),
]
OPTIONS = {"templates/**.html": {"silent": "false"}, "templates/**.txt": {"silent": "false"}}
OUTSIDE = re.compile(r"^(\.|tests/|tools/|demo/|bench/|migrations/|instance/|node_modules/)")
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)  # else each compilation would differ
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def collect() -> Catalog:
    """Every sentence marked in the code, with the files it stands in."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(str(ROOT), METHODS, OPTIONS)
    for file, _line, message, comments, context in found:
        if not OUTSIDE.match(file):
            # Without line numbers: else every edit would change every catalogue.
            catalogue.add(message, None, [(file, None)], auto_comments=comments, context=context)
    return catalogue


def path_of(language: str, ending: str) -> Path:
    """Where a catalogue lies."""
    return FOLDER / language / "LC_MESSAGES" / f"messages.{ending}"


def languages() -> list[str]:
    """The languages that have a catalogue."""
    return sorted(path.name for path in FOLDER.iterdir() if path_of(path.name, "po").exists())


def read(language: str) -> Catalog:
    """A catalogue as it lies there."""
    with path_of(language, "po").open("rb") as file:
        return read_po(file, locale=Locale.parse(language))


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    buffer = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = NO_DATE
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update(language: str, sentences: Catalog) -> None:
    """Bring a catalogue up to date and compile it; gone sentences go."""
    catalogue = read(language)
    catalogue.update(sentences, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=100, sort_output=True, omit_header=False)
    dates = rb'"(POT-Creation|PO-Revision)-Date:[^"]*"\n'
    text = re.sub(dates, b"", buffer.getvalue()).replace(b": Vigil \\n", b": Vigil\\n")
    path_of(language, "po").write_bytes(text)
    path_of(language, "mo").write_bytes(compiled(read(language)))


def faults(language: str, sentences: Catalog) -> list[str]:
    """What is wrong with a catalogue, a line each."""
    catalogue, found = read(language), []
    for message in sentences:
        if not message.id:
            continue
        there = catalogue.get(message.id, message.context)
        found += [f"{language}: {fault}: {message.id}" for fault in _faults_of(message, there)]
    wanted = {(m.id if isinstance(m.id, str) else m.id[0]) for m in sentences}
    found += [
        f"{language}: no longer used: {m.id}"
        for m in catalogue
        if m.id and (m.id if isinstance(m.id, str) else m.id[0]) not in wanted
    ]
    mo = path_of(language, "mo")
    if not mo.exists() or mo.read_bytes() != compiled(catalogue):
        found.append(f"{language}: not compiled (make strings)")
    return found


def _faults_of(message: Message, there: Message | None) -> list[str]:
    if there is None:
        return ["missing"]
    words = [there.string] if isinstance(there.string, str) else list(there.string)
    if not words or not all(words):
        return ["untranslated"]
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    wanted = set(PLACEHOLDER.findall(ids[-1]))
    if any(set(PLACEHOLDER.findall(word)) - wanted for word in words):
        return ["unknown placeholder"]
    if wanted - set(PLACEHOLDER.findall(words[-1])):
        return ["placeholder missing"]
    return ["doubtful"] if there.fuzzy else []


def main() -> None:
    """Update, or check."""
    sentences = collect()
    if "--check" not in sys.argv:
        for language in languages():
            update(language, sentences)
        return
    found = [line for language in languages() for line in faults(language, sentences)]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
