"""What differs between two sets, against numpy."""

import numpy as np
import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.chain import chain_readers
from shardline.embedding.checkpoint.sets.comparison import compare
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saver import SetSaver

small = load("embedding/checkpoint/sets/training.py")


def compared(training, first, second):
    return compare(
        chain_readers(training.folder, first), chain_readers(training.folder, second)
    )


def test_rows_that_differ_are_counted_and_measured(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, hosts=3, item=23, user=5)
    before = {name: rows.copy() for name, rows in training.tables["item"].items()}
    first = training.save(10)
    training.touch(item=[0, 3, 8, 22])
    second = training.touch(item=[3, 9])

    found = {one.name: one for one in compared(training, first, second).tables}

    assert sorted(found) == ["item/accumulators", "item/parameters"]
    for tensor, rows in before.items():
        one = found[f"item/{tensor}"]
        gaps = np.abs(training.tables["item"][tensor].astype(np.float64) - rows)
        assert (one.compared, one.differing) == (23, 5)
        assert one.largest == pytest.approx(gaps.max(), rel=1e-12)
        assert one.first_shape == one.second_shape == [23, 3]


@pytest.mark.parametrize("hosts", [1, 2, 5])
def test_sets_of_other_numbers_of_hosts_are_compared(
    made_sets, tmp_path, hosts
) -> None:
    training = made_sets.training(tmp_path / "a", hosts=3, item=23)
    first = training.save(10)
    training.hosts = hosts
    same = training.save(20)
    training.tables["item"]["parameters"][[6, 17]] += 1
    other = training.save(30)

    assert compared(training, first, same).tables == []
    (one,) = compared(training, first, other).tables
    assert (one.name, one.compared, one.differing) == ("item/parameters", 23, 2)


def test_equal_sets_do_not_differ_and_nan_equals_itself(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, item=9)
    training.tables["item"]["parameters"][2] = np.nan
    first = training.save(10, state={"a": 1}, values={"step": 10})
    second = training.save(20, state={"a": 1}, values={"step": 10})

    assert compared(training, first, second).is_empty


def test_bits_decide_and_values_that_are_not_finite_are_counted(
    made_sets, tmp_path
) -> None:
    training = made_sets.training(tmp_path, item=9)
    rows = training.tables["item"]["parameters"]
    rows[:4] = [[0, 1, np.inf], [1, 1, 1], [np.nan, 5, 5], [1, 2, 3]]
    first = training.save(10)
    rows[:4] = [[-0.0, 1, np.inf], [np.nan, 1, 1], [np.nan, 5, 7], [np.inf, 2, 3]]
    second = training.save(20)

    (one,) = compared(training, first, second).tables

    assert (one.differing, one.largest, one.not_finite) == (4, 2, 2)


def test_tables_of_other_sizes_are_compared_where_both_have_rows(
    made_sets, tmp_path
) -> None:
    training = made_sets.training(tmp_path, item=9, gone=2, wide=4)
    first = training.save(10)
    item = training.tables["item"]
    training.tables = {
        "item": {name: np.concatenate([rows, rows]) for name, rows in item.items()},
        "new": training.tables["gone"],
        "wide": {"parameters": np.zeros([4, 7], np.float32)},
    }
    training.tables["item"]["parameters"][[1, 12]] += 1
    second = training.save(20)

    found = {one.name: one for one in compared(training, first, second).tables}

    item = found.pop("item/parameters")
    assert (item.first_shape, item.second_shape) == ([9, 3], [18, 3])
    assert (item.compared, item.differing) == (9, 1)
    assert found.pop("item/accumulators").differing == 0
    assert {
        name: (one.first_shape, one.second_shape, one.compared)
        for name, one in found.items()
    } == {
        "gone/parameters": ([2, 3], None, 0),
        "gone/accumulators": ([2, 3], None, 0),
        "new/parameters": (None, [2, 3], 0),
        "new/accumulators": (None, [2, 3], 0),
        "wide/parameters": ([4, 3], [4, 7], 0),
        "wide/accumulators": ([4, 3], None, 0),
    }


def test_variables_and_what_manifests_say_are_compared(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, item=9)
    kernel = np.ones([2, 2], np.float32)
    first = training.save(
        10,
        values={"dense/kernel": kernel, "old": [1.0], "name": "a", "big": [1, 2]},
        state={"read": 640, "auc": 0.5},
        lineage={"configuration": "c1", "vocabulary": "v"},
    )
    kernel = kernel * np.float32([[1, 3], [1, 1]])
    second = training.save(
        20,
        values={"dense/kernel": kernel, "new": 1, "name": "b", "big": [1, 2, 3]},
        state={"read": 1280, "loss": 1.0},
        lineage={"configuration": "c2", "vocabulary": "v"},
    )

    comparison = compared(training, first, second)

    assert comparison.tables == []
    found = {one.name: one for one in comparison.values}
    assert sorted(found) == ["big", "dense/kernel", "name", "new", "old", "step"]
    kernel_found = found["dense/kernel"]
    assert (kernel_found.compared, kernel_found.differing) == (4, 1)
    assert kernel_found.largest == 2
    assert found["step"].largest == 10
    assert (found["name"].differing, found["name"].largest) == (1, 0)
    assert (found["big"].first_shape, found["big"].second_shape) == ([2], [3])
    assert found["old"].second_shape is None
    assert found["new"].first_shape is None
    assert comparison.said == {
        "lineage.configuration": ("c1", "c2"),
        "state.read": (640, 1280),
        "state.auc": (0.5, None),
        "state.loss": (None, 1.0),
    }


@pytest.mark.parametrize("differential", [False, True])
def test_sets_that_a_saver_wrote_differ_as_the_training_does(
    native_kernels, tmp_path, differential
) -> None:
    training = small.SmallTraining(hosts=3)
    contents = []
    with SetSaver(
        tmp_path, training.engine, lineage=small.LINEAGE, differential=differential
    ) as saver:
        for _ in range(2):
            training.train(3)
            saver.save(training.step, training.variables, {})
            saver.wait()
            contents.append(training.content())
    folder = SetFolder(tmp_path)
    first, second = folder.sets()

    comparison = compare(chain_readers(folder, first), chain_readers(folder, second))

    found = {one.name: one for one in (*comparison.tables, *comparison.values)}
    before, after = contents
    assert second.manifest.kind == ("differential" if differential else "full")
    assert {"wide/parameters", "small/velocities", "count"} < found.keys()
    for name in before:
        rows = before[name].reshape(len(np.atleast_1d(before[name])), -1)
        differs = rows != after[name].reshape(rows.shape)
        if name in found:
            assert found[name].differing == differs.any(axis=1).sum(), name
            gaps = np.abs(rows.astype(np.float64) - after[name].reshape(rows.shape))
            assert found[name].largest == gaps.max(), name
        else:
            assert not differs.any(), name
