"""What is left of TensorFlow's messages."""

import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.error_text import reason_of

FAULT = "found no rows"


def fail():
    tf.debugging.Assert(False, [FAULT])


def caught(function):
    with pytest.raises(tf.errors.OpError) as error:
        function()
    return error.value


@pytest.mark.parametrize("device", ["/CPU:0", "/CPU:1"])
@pytest.mark.parametrize("function", [fail, tf.function(fail)], ids=["eager", "traced"])
def test_message_of_an_op_is_without_its_place(function, device):
    with tf.device(device):
        reason = reason_of(caught(function))
    assert FAULT in reason
    for place in ("Graph execution", "Detected at", "[[", "[Op", "{{", "\n"):
        assert place not in reason


def test_message_of_a_missing_checkpoint_is_one_line():
    def read():
        tf.raw_ops.RestoreV2(
            prefix="/nowhere/at/all",
            tensor_names=["x"],
            shape_and_slices=[""],
            dtypes=[tf.float32],
        )

    assert reason_of(caught(read)).startswith("Unsuccessful TensorSliceReader")
    assert reason_of(caught(read)).endswith("/nowhere/at/all")


def test_message_from_another_task_is_without_what_the_network_said():
    text = (
        "Graph execution error:\n\nDetected at node Write defined at (most recent call "
        'last):\n  File "a.py", line 1, in write\n\nCannot write /a/b: File too large. '
        "Make room.\n\t [[{{node Write}}]]\nHint: look.\n\nAdditional GRPC error "
        "information from remote target /job:worker:\n:UNKNOWN [Op:__inference_1]"
    )
    error = tf.errors.ResourceExhaustedError(None, None, text)
    assert reason_of(error) == "Cannot write /a/b: File too large. Make room"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("bad. rows."), "bad. rows"),
        (OSError(28, "No space left on device", "/a"), None),
        (KeyError(), ""),
    ],
)
def test_other_errors_say_what_they_say(error, reason):
    expected = str(error) if reason is None else reason
    assert reason_of(error) == expected
