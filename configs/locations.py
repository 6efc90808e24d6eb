"""Tells locations on this machine from those in object stores."""

import os
import re
from pathlib import Path

_SCHEME_END = "://"


def is_remote(location: str) -> bool:
    """Tells whether a location has a scheme, such as gs://, and is no local path."""
    return _SCHEME_END in location


def absolute_location(location: str) -> str:
    """Returns a location as a process that runs in another folder finds it."""
    return location if is_remote(location) else os.path.abspath(location)


def is_remote_path(path: Path) -> bool:
    """Tells whether a path was made of a location with a scheme, which it is not."""
    return re.match("[a-z][a-z0-9+.-]*:/", str(path)) is not None


def bucket_of(location: str) -> str:
    """Returns the bucket of a remote location, with its scheme: `gs://bucket`."""
    scheme, _, rest = location.partition(_SCHEME_END)
    return f"{scheme}{_SCHEME_END}{rest.partition('/')[0]}"
