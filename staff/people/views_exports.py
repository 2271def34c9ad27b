"""The last step of every export: the table as a file that leaves while it is being made."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, stream_with_context

from staff.people.export_age import seal_lines


def download(lines: Iterator[str], name: str, sealed_for: str | None) -> Response:
    """A file of the lines, `name` without its ending; sealed where there is a key to seal it for.

    The first row is read when everything was committed.
    """
    if sealed_for is None:
        response = Response(stream_with_context(lines), mimetype="text/csv")
    else:
        sealed = stream_with_context(seal_lines(lines, sealed_for))
        response = Response(sealed, mimetype="application/octet-stream")
    ending = "csv" if sealed_for is None else "csv.age"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response
