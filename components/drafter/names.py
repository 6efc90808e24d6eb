"""Names for features, tables and runs, made of those that data have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from shardline.configs.feature_rules import RESERVED

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")
# What the published model puts behind the names of its inputs.
_ENDINGS = ("_values", "_row_splits", "_weights")
_MOST = 40  # characters


def words_of(name: str) -> list[str]:
    """Returns the words of a name, in lower case: `userId` is user and id."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub("_", name))
    text = plain.encode("ascii", "ignore").decode().lower()
    return [word for word in _OTHER.split(text) if word]


def clean_name(name: str, taken: Collection[str] = (), *, kind: str = "column") -> str:
    """Returns a name as configurations have it, which is not taken yet.

    Args:
        name: as the data have it.
        taken: names that it may not be.
        kind: what it is called if nothing is left of it.
    """
    plain = "_".join(words_of(name))[:_MOST].strip("_") or kind
    if not plain[0].isalpha():
        plain = f"{kind}_{plain}"
    if plain.endswith(_ENDINGS) or plain in RESERVED:
        plain = f"{plain}_{kind}"
    unique, number = plain, 2
    while unique in taken:
        unique, number = f"{plain}_{number}", number + 1
    return unique
