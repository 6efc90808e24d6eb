"""The cases of lookups that a served model has to repeat."""

from typing import Any

import pytest

from shardline.components.trainer.lookup_cases import FeatureShape, cases_of


def test_edges_are_the_first_and_last_row_of_each_host() -> None:
    assert FeatureShape("single", rows=7, hosts=3).edges == [0, 2, 3, 4, 5, 6]


def test_sequences_have_cases_around_their_maximum() -> None:
    cases = cases_of(FeatureShape("sequence", rows=9, hosts=2, longest=4))

    lengths = {case.name: [len(ids) for ids in case.ids] for case in cases}
    assert lengths["exactly the maximum"] == [4, 4]
    assert lengths["longer than the maximum"] == [5, 9]
    assert lengths["wrong id past the maximum"] == [5]


@pytest.mark.parametrize("rows", [1, 2, 10**12])
@pytest.mark.parametrize("kind", ["single", "pooled", "weighted", "sequence"])
def test_cases_are_few_whatever_the_size_of_the_table(kind: Any, rows: int) -> None:
    cases = cases_of(FeatureShape(kind, rows, hosts=4, longest=50))

    assert sum(len(ids) for case in cases for ids in case.ids) < 700
    safe = [case for case in cases if not case.is_risky]
    assert all(0 <= i < rows for case in safe for ids in case.ids for i in ids)
    for case in cases:
        assert (case.weights is not None) == (kind == "weighted")
        for ids, weights in zip(case.ids, case.weights or case.ids, strict=True):
            assert len(ids) == len(weights)
    wrong = [
        case.ids[0][-1] for case in cases if case.is_risky and "id" in case.name.split()
    ]
    assert all(i < 0 or i >= rows for i in wrong)
