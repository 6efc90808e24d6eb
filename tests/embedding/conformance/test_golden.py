"""The golden vectors are those of the reference, and hold what they claim."""

from pathlib import Path

import numpy as np
import pytest
from shardline_tests import load

from shardline.embedding.conformance.golden import (
    FOLDER,
    GROUPS,
    matrix,
    read_groups,
)

writer = load(Path(__file__).with_name("golden_writer.py"))

MOST_BYTES = 300_000


def test_files_are_what_the_reference_writes_now():
    """If not on purpose: the files or the reference were changed.

    If on purpose: run `python tests/embedding/conformance/golden_writer.py`.
    """
    written = {path.name: path.read_text() for path in FOLDER.iterdir()}
    wanted = writer.texts()
    assert written.keys() == wanted.keys()
    for name, text in wanted.items():
        assert written[name] == text, name


def test_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


def test_groups_come_in_the_order_of_the_report():
    assert tuple(group.name for group in read_groups()) == GROUPS
    names = [group.name for group in read_groups(["sequences", "inputs"])]
    assert names == ["inputs", "sequences"]


def test_unknown_group_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no group bags, nothing\. The groups are: i"):
        read_groups(["inputs", "nothing", "bags"])


def test_rows_are_read_to_the_bits_that_were_written():
    values = np.random.default_rng(3).normal(size=(50, 3)).astype(np.float32)
    np.testing.assert_array_equal(matrix(writer.matrix(values)), values)


@pytest.mark.parametrize("group", read_groups(), ids=lambda group: group.name)
def test_cases_have_names_of_their_own_and_as_many_steps(group):
    names = [case.name for case in group.cases]
    assert len(set(names)) == len(names)
    assert len({len(case.steps) for case in group.cases if not case.is_refused}) == 1
    assert len({case.examples for case in group.cases}) == 1


def test_every_optimizer_has_a_case_for_each_of_its_options():
    (group,) = read_groups(["optimizers"])
    options = {name for case in group.cases for name in case.options}
    assert {case.optimizer for case in group.cases} == {
        *("SGD", "Adagrad", "AdagradMomentum", "Adam", "FTRL")
    }
    assert options >= {
        *("clipvalue", "clip_weight_min", "clip_weight_max", "weight_decay_factor"),
        "multiply_weight_decay_factor_by_learning_rate",
        *("initial_accumulator_value", "momentum", "use_nesterov", "exponent"),
        *("beta2", "epsilon", "beta_1", "beta_2", "lazy_adam", "sum_inside_sqrt"),
        *("learning_rate_power", "l1_regularization_strength", "beta"),
        *("l2_regularization_strength", "multiply_linear_by_learning_rate"),
        "allow_zero_accumulator",
    }


def test_batches_have_empty_examples_and_rows_that_nobody_looks_up():
    (group,) = read_groups(["inputs"])
    for case in group.cases:
        if case.kind.startswith("dense") or case.name == "table-of-two-rows":
            continue
        batches = [batch for step in case.steps for batch in step.batches.values()]
        assert any(() in batch.ids for batch in batches), case.name
        assert 0 not in case.rows_looked_up(len(case.steps) - 1), case.name


def test_bad_ids_hold_one_that_needs_64_bits():
    (group,) = read_groups(["policies"])
    for case in group.cases:
        if case.name.startswith("bad-ids-dense"):
            (longest,) = (
                row for row in case.rows_looked_up(1) if row % 2**32 == 3 and row > 3
            )
            assert longest >= 2**32
