"""Values as YAML of one line, which can be pasted into a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# What YAML and people read as text without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# Words that YAML reads as something else.
_MEANT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r", '"': r"\"", "\\": r"\\"}


def as_yaml(value: Any) -> str:
    """Returns a value as YAML that reads as the same value.

    Args:
        value: text, a number, a truth value, or a sequence or mapping of such.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        pairs = (f"{as_yaml(key)}: {as_yaml(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(as_yaml, value))}]"
    return str(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _MEANT:
        return value
    return f'"{"".join(map(_character, value))}"'


def _character(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
