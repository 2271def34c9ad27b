"""The same object for callers of an older API version: without what came later.

The objects are kept in the shape of the newest version.
"""

from typing import Any

OLDER_VERSION = "dahlia"

# kind of object -> paths to the fields that the older version does not have
NEWER = {
    "billing_portal.configuration": (("features", "subscription_pause"),),
    "dispute": (("intended_submission_method",), ("evidence_details", "submission_method")),
}


def as_of(version: str, body: Any) -> Any:
    """A copy as `version` shows it, down to the objects within."""
    if OLDER_VERSION not in version:
        return body
    if isinstance(body, list):
        return [as_of(version, one) for one in body]
    if not isinstance(body, dict):
        return body
    shown = {name: as_of(version, value) for name, value in body.items()}
    for *path, last in NEWER.get(str(body.get("object")), ()):
        place = shown
        for step in path:
            place = place[step]
        place.pop(last, None)
    return shown
