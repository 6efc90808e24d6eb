"""Summaries of units of work, and the statistics that they add up to."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shardline_tests import load

from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.analysis.summary import (
    Summarizer,
    Summary,
    merged,
    statistics_of,
    summary_from_json,
)
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Feature, FeatureSet, Ids, Number, Table, Target

batch_of = load(Path(__file__).with_name("batches.py")).batch_of

FEATURES = FeatureSet(
    features={
        "f": Feature(table="t"),
        "bucket": Feature(table="b", ids=Ids(quantile_buckets=3)),
    },
    numbers={"x": Number(column="bucket", scale="z_score")},
    tables={"t": Table(dim=1), "b": Table(dim=1)},
)
PREPROCESSING = FEATURES.preprocessing(Target())
RANDOM = np.random.default_rng(11)
ROWS = [
    {"f": f"t{n % 7}", "bucket": float(x)}
    for n, x in enumerate(np.exp(RANDOM.normal(0, 3, 900)))
]


def summary_of(rows: list[dict[str, Any]], rows_at_once: int) -> Summary:
    """Returns the summary of a unit of work that is read in batches."""
    summarizer = Summarizer(PREPROCESSING)
    for start in range(0, len(rows), rows_at_once):
        some = rows[start : start + rows_at_once]
        summarizer.add(batch_of(raw_columns(FEATURES), some))
    return summarizer.drain()


def statistics(parts: list[Summary]) -> FeatureStatistics:
    """Returns the statistics without vocabularies."""
    return statistics_of(merged(parts), {}, PREPROCESSING)


def test_summary_comes_back_from_json() -> None:
    summary = summary_of(ROWS, 100)

    assert summary.examples == 900
    assert summary_from_json(summary.to_json()) == summary


def test_summary_of_nothing_comes_back_from_json() -> None:
    summary = Summarizer(PREPROCESSING).drain()

    again = summary_from_json(summary.to_json())

    assert again == summary
    assert statistics([again]).numbers["x"].count == 0
    assert statistics([again]).boundaries["b"] == [0, 0]


def test_summary_of_no_part_has_no_example() -> None:
    assert merged([]) == Summary()


def test_facts_are_bit_equal_however_workers_share_the_units() -> None:
    units = [summary_of(ROWS[start : start + 300], 50) for start in (0, 300, 600)]
    expected = statistics(units)

    for order in itertools.permutations(range(3)):
        # Units come in any order, as JSON, and are put back in theirs.
        came = {n: summary_from_json(units[n].to_json()) for n in order}
        assert statistics([came[n] for n in sorted(came)]) == expected


def test_facts_are_those_of_all_rows() -> None:
    units = [summary_of(ROWS[start : start + 300], 50) for start in (0, 300, 600)]

    found = statistics(units)

    values = np.array([row["bucket"] for row in ROWS]).astype(np.float32)
    assert found.examples == 900
    assert found.numbers["x"].mean == pytest.approx(values.mean(dtype=float), rel=1e-9)
    assert found.numbers["x"].variance == pytest.approx(
        values.astype(float).var(), rel=1e-9
    )
    assert found.boundaries["b"] == pytest.approx(
        np.quantile(values, [1 / 3, 2 / 3]), rel=0.05
    )


def test_merging_summaries_one_after_another_is_merging_all() -> None:
    a, b, c = (summary_of(ROWS[start : start + 300], 50) for start in (0, 300, 600))

    assert merged([merged([a, b]), c]) == merged([a, b, c])


def test_summarizer_starts_anew_when_it_is_drained() -> None:
    summarizer = Summarizer(PREPROCESSING)
    summarizer.add(batch_of(raw_columns(FEATURES), ROWS[:10]))
    summarizer.drain()
    summarizer.add(batch_of(raw_columns(FEATURES), ROWS[10:15]))

    again = summarizer.drain()

    assert again.examples == again.moments["x"].count == 5
    assert again == summary_of(ROWS[10:15], 5)


def test_facts_come_back_from_their_file(tmp_path: Path) -> None:
    batch = batch_of(raw_columns(FEATURES), ROWS)
    found = analyze_batches([batch], PREPROCESSING, str(tmp_path))
    found.save(str(tmp_path))

    written = (tmp_path / "facts.json").read_text()
    assert FeatureStatistics.model_validate_json(written) == found
    assert found.vocabularies["t"].size == 7
    assert found.vocabularies["t"].tokens == 900
