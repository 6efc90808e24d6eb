r"""Names and values of data, made safe to show on a terminal.

Data may hold escape codes, line breaks or marks that turn the direction of text. A
message or table shows them as Python writes them, such as `\x1b`.
"""

_MOST = 200  # characters


def shown(value: object, most: int = _MOST) -> str:
    """Returns a name or a value on one line, escaped, and cut if it is long.

    Args:
        value: text, UTF-8 bytes, or what `str` makes text of.
        most: how many characters of a longer text are shown; its length follows.
    """
    text = _text(value)
    cut = escaped(text[:most], keep="")
    return cut if len(text) <= most else f"{cut}... ({len(text):,} characters)"


def quoted(value: object, most: int = _MOST) -> str:
    """Returns a value as `shown` does, and text between quotes."""
    text = shown(value, most)
    return f"'{text}'" if isinstance(value, str | bytes) else text


def escaped(text: str, *, keep: str = "\n") -> str:
    """Escapes the characters that cannot be printed: controls, marks, odd blanks.

    Args:
        text: any text.
        keep: characters to leave as they are.
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
