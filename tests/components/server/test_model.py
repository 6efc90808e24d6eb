"""A version in memory: its signatures, its answers, and its end."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.server.model import Input, LoadedVersion, VersionError
from shardline.components.server.request_error import RequestError, Status


@pytest.fixture
def version(make_model: Callable[..., Path]) -> LoadedVersion:
    """A model of 50 rows, loaded as version 7."""
    return LoadedVersion(make_model(), 7)


def test_signatures_say_what_they_take_and_give(version: LoadedVersion) -> None:
    default = version.signature("")

    assert default is version.signature("serving_default")
    assert default.inputs == {"examples": Input(tf.string, (None,))}
    assert default.outputs == ("scores",)
    assert default.takes_examples
    assert not version.signature("lookup").takes_examples
    assert version.signature("slow").inputs == {"rounds": Input(tf.int64, ())}
    version.close()


def test_unknown_signature_is_refused_with_those_that_there_are(
    version: LoadedVersion,
) -> None:
    with pytest.raises(RequestError, match=r"key 'other' not found\. Version 7 has \["):
        version.signature("other")
    version.close()


def test_call_answers_by_output_and_refuses_with_tensorflows_words(
    version: LoadedVersion,
) -> None:
    echo = version.signature("echo")
    answer = echo.run({"text": np.array([b"a", b"\xff"], object)})
    assert answer["text"].tolist() == [b"a", b"\xff"]
    assert answer["text_bytes"].tolist() == [b"a", b"\xff"]

    with pytest.raises(RequestError) as caught:
        version.signature("").run({"examples": np.array([b"none"], object)})
    assert caught.value.status is Status.INVALID_ARGUMENT
    assert caught.value.message == "One of the examples is no serialized tf.Example."
    version.close()


def test_closed_version_cannot_be_asked(version: LoadedVersion) -> None:
    echo = version.signature("echo")
    version.close()

    with pytest.raises(RequestError, match="closed"):
        echo.run({"text": np.array([b"a"], object)})


def test_folder_without_a_model_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(VersionError, match=rf"Version 3 in {tmp_path} does not load"):
        LoadedVersion(tmp_path, 3)
