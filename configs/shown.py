r"""Names and values of data as people may see them: nothing that a terminal obeys.

What stands in data may be an escape code, a line break or a mark that turns the
direction of text. A message or table shows it as Python writes it, such as `\x1b`.
"""

_MOST = 200  # characters


def shown(value: object, most: int = _MOST) -> str:
    """Returns a name or a value on one line, escaped, and cut if it is long.

    Args:
        value: Text, UTF-8 bytes, or what `str` makes text of.
        most: How many characters are shown of a longer one, which tells its length.
    """
    text = _text(value)
    cut = escaped(text[:most], keep="")
    return cut if len(text) <= most else f"{cut}... ({len(text):,} characters)"


def quoted(value: object, most: int = _MOST) -> str:
    """Returns a value as `shown` does, text between quotes."""
    told = shown(value, most)
    return f"'{told}'" if isinstance(value, str | bytes) else told


def escaped(text: str, *, keep: str = "\n") -> str:
    """Escapes the characters that are no print: controls, marks, odd blanks.

    Args:
        text: Any text.
        keep: Characters to leave as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else _escape(char) for char in text
    )


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", errors="backslashreplace")
    return str(value)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()
