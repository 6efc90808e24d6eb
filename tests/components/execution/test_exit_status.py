"""How a process has ended, in words."""

import pytest

from shardline.components.execution.exit_status import exit_code_of_end, how_ended


@pytest.mark.parametrize(
    ("code", "words", "exit_code"),
    [
        (0, "ended with exit code 0", 0),
        (3, "ended with exit code 3", 3),
        (-11, "was ended by SIGSEGV", 139),
        (-50, "was ended by signal 50", 178),
    ],
)
def test_end_is_said_in_words_and_as_a_shell_does(
    code: int, words: str, exit_code: int
) -> None:
    assert how_ended(code) == words
    assert exit_code_of_end(code) == exit_code


def test_sigkill_is_said_with_what_may_have_sent_it() -> None:
    assert "want of memory" in how_ended(-9)
