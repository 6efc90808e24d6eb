"""What is written to stderr inside is gone; what comes after is not."""

import os

from shardline.embedding.conformance.expected_errors import logged_errors_left_out


def test_stderr_is_silent_inside_and_back_after(capfd):
    with logged_errors_left_out():
        os.write(2, b"noise\n")
    os.write(2, b"news\n")
    assert capfd.readouterr().err == "news\n"


def test_errors_pass_and_stderr_is_back(capfd):
    try:
        with logged_errors_left_out():
            raise ValueError("wanted")
    except ValueError:
        os.write(2, b"caught\n")
    assert capfd.readouterr().err == "caught\n"
