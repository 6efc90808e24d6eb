"""What native libraries print is held back, and shown with an error."""

import os

import pytest

from shardline.pipeline.terminal.native_output import stderr_held_back


def test_stderr_is_silent_inside_and_as_before_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with stderr_held_back():
        os.write(2, b"a notice of C++\n")
    os.write(2, b"afterwards\n")

    assert capfd.readouterr().err == "afterwards\n"


def test_error_has_what_was_written_as_a_note(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        os.write(2, b"why there is none \xff\n")
        raise ValueError("no graph")

    with pytest.raises(ValueError, match="no graph") as raised, stderr_held_back():
        fail()

    assert raised.value.__notes__ == ["why there is none \ufffd\n"]
    assert capfd.readouterr().err == ""
