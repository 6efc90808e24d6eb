"""What is recorded of artifacts in ML Metadata."""

import math
import re
from pathlib import Path

import pytest

from shardline import components
from shardline.components.contracts.artifacts import (
    HostShardedCheckpoint,
    ServingValidation,
    hand_on_spans,
    record_properties,
)


def test_properties_keep_their_types() -> None:
    artifact = HostShardedCheckpoint()

    record_properties(artifact, {"steps": 3, "auc": 0.5, "why": "so"})

    assert artifact.get_int_custom_property("steps") == 3
    assert artifact.get_float_custom_property("auc") == 0.5
    assert artifact.get_string_custom_property("why") == "so"


def test_what_is_made_of_spans_names_them() -> None:
    trained, judged = HostShardedCheckpoint(), ServingValidation()
    record_properties(trained, {"spans": "2026-11-29, 2026-11-30"})

    hand_on_spans(trained, judged)

    told = judged.get_string_custom_property("spans")
    assert told == "2026-11-29, 2026-11-30"


def test_what_is_made_of_whole_data_names_no_spans() -> None:
    judged = ServingValidation()

    hand_on_spans(HostShardedCheckpoint(), judged)

    assert not judged.has_custom_property("spans")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_metadata_cannot_store_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"Property `auc` .*Checkpoint is (nan|-?inf)"):
        record_properties(HostShardedCheckpoint(), {"auc": value})


def test_properties_are_set_in_one_place() -> None:
    folder = Path(components.__file__).parent
    setters = re.compile(r"set_(float|int|string)_custom_property")

    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if setters.search(path.read_text())
    }

    assert found == {"contracts/artifacts.py"}
