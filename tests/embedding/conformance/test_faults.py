"""A fault put into the engine is found, and the case that is about it is named."""

from pathlib import Path

import tensorflow as tf
from shardline_tests import load

from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.tables import sharded_variable

broken = load(Path(__file__).with_name("broken.py"))


def failures(report):
    """Returns the verdicts of cases that failed, by name."""
    return {
        case.name: case
        for group in report.groups
        for case in group.cases
        if case.verdict == "failed"
    }


def test_wrong_combiner_fails_the_means_and_no_other_case(check):
    found = failures(check(broken.WrongCombiner(), "inputs"))
    (group,) = read_groups(["inputs"])
    means = {case.name for case in group.cases if case.combiner == "mean"}
    # Of one id the sum is the mean.
    assert found.keys() == {name for name in means if "dense" not in name}
    assert found["ragged-mean"].difference.what == "activations of left"
    assert "expected" in found["ragged-mean"].why


def test_wrong_epsilon_fails_the_cases_about_it(check):
    found = failures(check(broken.WrongEpsilon(), "optimizers"))
    assert found.keys() == {"adam-epsilon-in-root", "adam-epsilon-outside-root"}
    assert all(case.difference.step == 1 for case in found.values())
    assert all(case.difference.what == "parameters" for case in found.values())


def test_staleness_off_by_one_is_seen_in_the_second_step(check):
    found = failures(check(broken.WrongStaleness(), "staleness"))
    assert "adagrad" in found
    assert {case.difference.step for case in found.values()} == {2}


def test_lost_duplicate_fails_the_cases_about_it(check):
    found = failures(check(broken.LostDuplicates(), "inputs"))
    assert found.keys() == {"id-twice-in-example-sum", "id-twice-in-example-mean"}


def test_case_that_cannot_be_had_is_told_from_those_beside_it(check):
    report = check(broken.RefusesOneCase(), "inputs")
    found = failures(report)
    assert found.keys() == {"ragged-int32"}
    assert found["ragged-int32"].why == "ValueError: No ragged ids of int32."
    assert report.groups[0].count("passed") > 20


def test_engine_that_refuses_nothing_fails_the_policy_error(check):
    found = failures(check(broken.TakesEverything(), "policies"))
    refused = [name for name in found if name.endswith("-error")]
    assert len(refused) == 7
    assert "its policy is to refuse it" in found[refused[0]].why
    assert any(name.endswith("-oov_row") for name in found)


def test_refusal_by_another_error_is_told_case_by_case(check):
    report = check(broken.RefusesWithAnotherError(), "policies")
    found = failures(report)
    assert len(found) == 7
    assert all(name.endswith("-error") for name in found)
    assert {case.why for case in found.values()} == {"KeyError: 'left'"}
    assert report.groups[0].count("passed") == 14


def test_rows_that_a_restore_swaps_are_named(check, monkeypatch):
    def swapped(variable, first_row, rows):
        return written(variable, first_row, tf.reverse(rows, [0]))

    written = sharded_variable.write_rows
    monkeypatch.setattr(sharded_variable, "write_rows", swapped)
    found = failures(check(broken.BrokenPlacement(), "checkpoints"))
    assert "checkpoint to 1 host" in found
    assert "training" not in found
    assert "TensorFlow's serving lookup" not in found
    assert found["checkpoint to 1 host"].why.startswith(
        "table dense-sgd, step 2, parameters, row "
    )


def test_core_whose_gradients_are_lost_is_seen(on_emulated_tpu, check, monkeypatch):
    placement = on_emulated_tpu(1, 2)
    whole = placement._shared

    def of_the_first_core(gradients, core):
        is_first = tf.cast(tf.equal(core, 0), tf.float32)
        return tf.nest.map_structure(lambda x: x * is_first, whole(gradients, core))

    monkeypatch.setattr(placement, "_shared", of_the_first_core)
    assert failures(check(placement, "quantization")).keys() == {
        "sgd-9-buckets",
        "adagrad-9-buckets",
        "sgd-2-buckets",
        "adagrad-2-buckets",
    }
