"""A model answers through its own signature; one that cannot is said, not a crash."""

from pathlib import Path

import numpy as np
import pytest

from shardline.components.comparison.scoring import NotScoredError, scores_of

ROWS = [{"chance": [number / 3_000]} for number in range(3_000)]


def test_scores_are_those_of_the_signature_in_the_order_of_the_examples(
    export, write_examples, tmp_path: Path
) -> None:
    files = write_examples(tmp_path / "examples", ROWS)

    found = scores_of(export(tmp_path / "model", factor=0.5), files)

    expected = np.array([row["chance"][0] for row in ROWS], np.float32)
    np.testing.assert_array_equal(found, np.float32(0.5) * expected)


def test_model_of_a_column_that_is_gone_says_so(
    export, write_examples, tmp_path: Path
) -> None:
    files = write_examples(tmp_path / "examples", ROWS)

    with pytest.raises(NotScoredError, match=r"InvalidArgumentError: .*before"):
        scores_of(export(tmp_path / "model", column="before"), files)


def test_folder_without_a_model_says_so(write_examples, tmp_path: Path) -> None:
    files = write_examples(tmp_path / "examples", ROWS[:2])

    with pytest.raises(NotScoredError, match=r"OSError: .*does not exist"):
        scores_of(tmp_path / "none", files)


def test_no_example_has_no_score(export, write_examples, tmp_path: Path) -> None:
    files = write_examples(tmp_path / "examples", [])

    assert scores_of(export(tmp_path / "model"), files).shape == (0,)
