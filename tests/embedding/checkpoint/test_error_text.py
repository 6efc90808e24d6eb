"""Errors in words for people."""

from pathlib import Path

import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.error_text import error_text


def test_error_of_python_is_told_whole() -> None:
    assert error_text(ValueError("one.\ntwo.")) == "one.\ntwo"


def failing_save(folder: Path) -> None:
    prefix = tf.constant(str(folder / "there" / "is" / "none"))
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=["a"], shape_and_slices=[""], tensors=[prefix]
    )


@pytest.mark.parametrize("call", [failing_save, tf.function(failing_save)])
def test_error_of_an_op_is_told_without_its_surroundings(
    call: object, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("a file")
    with pytest.raises(tf.errors.OpError) as raised:
        call(tmp_path)

    told = error_text(raised.value)
    assert str(tmp_path) in told
    assert not any(around in told for around in ("\n", "{{", "[Op:", "Detected at"))
