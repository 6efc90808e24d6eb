"""What benchmarks read of a finished run: here, for the run is shared with these tests.

The module is `benchmarks.finished_run`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.finished_run import FinishedRun, NoFinishedRunError
from shardline.configs import load_run


def test_split_has_its_examples_as_numbers(finished_run: Any) -> None:
    finished = FinishedRun(load_run(finished_run.config), finished_run.output_dir)

    split = finished.split("eval")

    examples = len(split.labels)
    assert examples > 100
    assert set(np.unique(split.labels)) == {0.0, 1.0}
    assert set(split.inputs) == set(finished.run.features)
    for name, matrix in split.inputs.items():
        table = finished.run.features[name].table
        assert matrix.shape == (examples, finished.rows[table])
    assert (split.inputs["user_id"].sum(axis=1) == 1).all()
    assert len(finished.files("eval")) > 0
    batches = list(finished.batches("eval"))
    assert sum(int(batch.is_example.numpy().sum()) for batch in batches) == examples


def test_other_training_is_fine_and_other_features_are_not(
    finished_run: Any, small_config: Callable[..., Path]
) -> None:
    output_dir = finished_run.output_dir
    FinishedRun(load_run(small_config(steps="3")), output_dir)

    changed = small_config(movie="{dim: 8, min_count: 4, optimizer: {sgd: {}}}")
    with pytest.raises(NoFinishedRunError, match="vocabularies have changed since"):
        FinishedRun(load_run(changed), output_dir)


def test_folder_without_such_a_run_is_told_with_the_command_that_makes_one(
    finished_run: Any, small_config: Callable[..., Path], tmp_path: Path
) -> None:
    other = small_config(name="another")

    with pytest.raises(NoFinishedRunError, match="no run of `another` got so far"):
        FinishedRun(load_run(other), finished_run.output_dir)
    with pytest.raises(
        NoFinishedRunError, match=f"shardline run CONFIG --output-dir {tmp_path}"
    ):
        FinishedRun(load_run(other), tmp_path)
