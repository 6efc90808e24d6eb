"""Forward and five training steps of every kind of input against the reference.

Every combination of input, combiner, weights, optimizer and number of hosts runs alone
and eagerly; on one and on three hosts it also runs compiled, all inputs of an optimizer
in one graph. In each, two features share one table of 11 rows, which neither two nor
three hosts divide.
"""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from embedding import TPUEmbedding

STEPS = 5
OPTIMIZERS = ("SGD", "Adagrad", "Adam")
RATE = 0.05
RUNS = (
    ("eager", 1),
    ("eager", 2),
    ("eager", 3),
    ("compiled", 1),
    ("compiled", 3),
)


def engine_of(cases, features, optimizer, host_count):
    """Builds an engine whose tables all start with `cases.values()`."""
    rule = getattr(tf.tpu.experimental.embedding, optimizer)(learning_rate=RATE)
    engine = TPUEmbedding(features, rule, hosts=cases.hosts(host_count))
    engine.build(cases.BATCH)
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    return engine


def train(cases, chosen, optimizer, host_count, compile_step):
    """Trains all `chosen` cases in one engine; returns a result for each of them."""
    features = {str(case): cases.pair(case, str(case)) for case in chosen}
    engine = engine_of(cases, features, optimizer, host_count)

    def step(ids, weights, gradients):
        engine.enqueue(ids, weights)
        activations = engine.dequeue()
        engine.apply_gradients(gradients)
        return activations

    activations = {str(case): [] for case in chosen}
    for arguments in zip(*(arguments_of(cases, case) for case in chosen), strict=True):
        nests = [
            {str(case): nest for case, nest in zip(chosen, column, strict=True)}
            for column in zip(*arguments, strict=True)
        ]
        if compile_step:
            # AutoGraph doubles the time of tracing, and nothing here needs it.
            step = tf.function(step, autograph=False).get_concrete_function(
                *map(cases.specs, nests)
            )
            compile_step = False
        for name, value in step(*nests).items():
            activations[name].append({side: v.numpy() for side, v in value.items()})
    states = cases.state(engine)
    return {
        name: SimpleNamespace(activations=activations[name], state=states[name])
        for name in features
    }


def arguments_of(cases, case):
    """Returns (ids, weights, gradients) of each step."""
    return [
        (*cases.inputs(case, features), cases.gradients(features))
        for features in cases.batches(case, STEPS)
    ]


@pytest.fixture(scope="module")
def results(cases):
    """Runs a case once for each way to run it: (case, optimizer, mode, hosts)."""

    @functools.cache
    def eager(case, optimizer, host_count):
        return train(cases, [case], optimizer, host_count, compile_step=False)

    @functools.cache
    def compiled(optimizer, host_count):
        return train(cases, cases.CASES, optimizer, host_count, compile_step=True)

    def run(case, optimizer, mode, host_count):
        if mode == "eager":
            return eager(case, optimizer, host_count)[str(case)]
        return compiled(optimizer, host_count)[str(case)]

    return run


def expected_of(oracle, cases, case, optimizer):
    """Returns the reference's result of one case."""
    table = oracle.Table(cases.values(), getattr(oracle, optimizer)(RATE))
    activations = []
    for features in cases.batches(case, STEPS):
        lookups = [
            oracle.Lookup(item.ids, case.combiner, item.weights, case.length)
            for item in features.values()
        ]
        gradients = [item.gradient for item in features.values()]
        outputs = table.step(list(zip(lookups, gradients, strict=True)))
        activations.append(dict(zip(features, outputs, strict=True)))
    return SimpleNamespace(
        activations=activations, state={"parameters": table.values} | table.slots
    )


def assert_same(got, expected, atol):
    for step, pair in enumerate(
        zip(got.activations, expected.activations, strict=True)
    ):
        assert_close(*pair, atol, f"activations of step {step}")
    assert_close(got.state, expected.state, atol, "after the last step")


def assert_close(got, expected, atol, where):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            got[name], value, rtol=0, atol=atol, err_msg=f"{name}, {where}"
        )


@pytest.mark.parametrize(("mode", "host_count"), RUNS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_steps_match_reference(
    oracle, cases, case, optimizer, mode, host_count, results
):
    got = results(case, optimizer, mode, host_count)
    assert_same(got, expected_of(oracle, cases, case, optimizer), atol=1e-5)


@pytest.mark.parametrize(("mode", "host_count"), [run for run in RUNS if run[1] > 1])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_host_count_changes_nothing(case, optimizer, mode, host_count, results):
    several = results(case, optimizer, mode, host_count)
    assert_same(several, results(case, optimizer, mode, 1), atol=1e-6)


def test_batches_hold_what_the_matrix_claims(cases):
    """Empty and uneven examples, ids twice in one example and in both features."""
    for case in cases.CASES:
        drawn = cases.batches(case, STEPS)
        for features in drawn:
            left, right = features["left"].ids, features["right"].ids
            assert {i for ids in left for i in ids} & {i for ids in right for i in ids}
            if case.kind != "dense":
                assert [] in left
                assert right[-1] == []
                assert len({len(ids) for ids in left}) > 2
        examples = [ids for features in drawn for ids in features["left"].ids]
        if case.kind != "dense":
            assert any(len(set(ids)) < len(ids) for ids in examples)
        if case.length:
            assert any(len(ids) > case.length for ids in examples)
