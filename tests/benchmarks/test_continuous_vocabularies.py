"""The benchmark of living vocabularies, small: drift, and what it looks for."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from benchmarks.continuous.programs.vocabularies import Drift, Lines, measure
from shardline.components.contracts.living_vocabulary import free_line
from shardline.configs.schema import Living

SMALL = Drift(spans=9, tokens=4500, draws=2000, window=900)


def test_every_token_of_the_stream_occurs_and_popularity_drifts() -> None:
    spans = [set(SMALL.of_span(span).to_pylist()) for span in range(SMALL.spans)]

    assert len(set.union(*spans)) == SMALL.tokens
    assert spans[0].isdisjoint(spans[-1])
    assert len(spans[4] & spans[5]) > 50
    assert pc.equal(SMALL.of_span(3), SMALL.of_span(3)).false_count == 0


@pytest.mark.parametrize("when_full", ["oldest", "rarest"])
def test_no_token_moves_and_the_capacity_holds(tmp_path: Path, when_full: str) -> None:
    living = Living(capacity=800, evict_after=4, decay=0.9, when_full=when_full)

    found = measure(tmp_path, SMALL, living)

    assert (found["moved"], found["shared"], found["capacities"]) == (0, 0, [800])
    assert found["reused"] > 1000
    assert [span["live"] for span in found["spans"]][2:] == [800] * 7
    assert all(span["moved"] == 0 for span in found["spans"])
    assert [path.name for path in tmp_path.iterdir()] == ["8"]
    assert found["peak_mb_growth"] < 1.2
    assert np.isfinite(found["seconds_growth"])


def test_what_must_not_be_is_seen_in_files_of_lines(tmp_path: Path) -> None:
    lines, file = Lines(), tmp_path / "lines"
    for text in (["a", "b", free_line(2)], ["b", "c", "c"]):
        file.write_text("\n".join(text) + "\n")
        lines.compare(file)

    assert (lines.moved, lines.shared, lines.reused) == (1, 1, 0)
    assert lines.capacities == {3}
