"""Every kind of input, optimizer, option and way to run, against the reference.

Every kind of input meets every optimizer, and one input of each kind every option, on
one, two and three hosts, for three training steps. In each, two features share one
table of 11 rows, which neither two nor three hosts divide. To save time one engine
trains many such pairs, each table with an optimizer of its own.

The native kernels do all of it. Stock ops, which take longer, do a part that holds
every kind of input with every combiner, and every optimizer with every option.

The bars, in float32: lookups 1e-6; state after the steps, and lookups in it, 1e-5. A
millionth of the value is allowed on top, for accumulators reach 70, where float32 steps
by 8e-6. FTRL's linear holds weights divided by the learning rate; so is its bar.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding

grid = load(Path(__file__).with_name("oracle_grid.py"))

tpu = tf.tpu.experimental.embedding
# No fixture: parameters need it at once.
cases = load(Path(__file__).with_name("cases.py"))

STEPS = 3
QUANTIZATION = (9, -0.7, 1.1)


def by_kernels(given, stock):
    """Returns parameters with who is to compute them: both, or the native kernels."""
    found = [("native", *chosen) for chosen in given]
    return found + [("stock", *chosen) for chosen in given if chosen in stock]


class Pair(NamedTuple):
    """Two features of one table, and what each step holds for them."""

    case: Any
    rule: str
    drawn: list[dict[str, Any]]


class Result(NamedTuple):
    """What training made of a pair: by step and side, and in the end."""

    activations: list[dict[str, np.ndarray]]
    state: dict[str, np.ndarray]


@functools.cache
def drawn_for(name, seed):
    """Draws the batches of an input, the same ones for every rule."""
    return cases.batches(grid.INPUTS[name], STEPS, seed)


def pair_of(name, rule, seed=7):
    return Pair(grid.INPUTS[name], rule, drawn_for(name, seed))


def table_options(rule, step):
    """Returns what a table's configuration gets for a rule."""
    options = {"learning_rate": grid.RATE} | grid.RULES[rule]
    if options["learning_rate"] is grid.RATES:
        options["learning_rate"] = lambda: tf.gather(tf.constant(grid.RATES), step)
    found = {"optimizer": getattr(tpu, rule.split("-")[0])(**options)}
    if "quantized" in rule:
        found["quantization_config"] = tpu.QuantizationConfig(*QUANTIZATION)
    return found


def engine_of(pairs, host_count, step, **options):
    """Builds an engine of a table for each pair, all starting with the same rows."""
    features = {
        name: cases.pair(pair.case, name, **table_options(pair.rule, step))
        for name, pair in pairs.items()
    }
    engine = TPUEmbedding(features, hosts=cases.hosts(host_count), **options)
    engine.build()
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    return engine


def nests_of(pairs, number):
    """Returns the (ids, weights, gradients) of a step."""
    made = {}
    for pair in pairs.values():
        batch = pair.drawn[number]
        if id(batch) not in made:
            made[id(batch)] = *cases.inputs(pair.case, batch), cases.gradients(batch)
    return [
        {name: made[id(pair.drawn[number])][part] for name, pair in pairs.items()}
        for part in range(3)
    ]


def train(pairs, host_count, *, compiled=False, **options):
    """Trains pairs by name in one engine; returns a result for each."""
    step = tf.Variable(0, dtype=tf.int64)
    engine = engine_of(pairs, host_count, step, **options)

    def call(ids, weights, gradients):
        engine.enqueue(ids, weights)
        activations = engine.dequeue()
        engine.apply_gradients(gradients)
        return activations

    if compiled:
        # AutoGraph doubles the time of tracing, and nothing here needs it.
        call = tf.function(call, autograph=False).get_concrete_function(
            *map(cases.specs, nests_of(pairs, 0))
        )
    outputs = []
    for number in range(STEPS):
        step.assign(number)
        outputs.append(call(*nests_of(pairs, number)))
    return results_of(engine, outputs)


def train_replicas(replicas, host_count):
    """Trains like `train`, on pairs of two replicas; returns results by replica."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    step = tf.Variable(0, dtype=tf.int64)
    with strategy.scope():
        engine = engine_of(replicas[0], host_count, step)

    def call(gradients):
        activations = engine.dequeue()
        engine.apply_gradients(gradients)
        return activations

    outputs = [[], []]
    for number in range(STEPS):
        step.assign(number)
        ids, weights, gradients = (
            strategy.experimental_distribute_values_from_function(
                lambda context, part=part: part[context.replica_id_in_sync_group]
            )
            for part in zip(*(nests_of(p, number) for p in replicas), strict=True)
        )
        engine.enqueue(ids, weights)
        activations = strategy.run(call, (gradients,))
        values = map(strategy.experimental_local_results, tf.nest.flatten(activations))
        for output, flat in zip(outputs, zip(*values, strict=True), strict=True):
            output.append(tf.nest.pack_sequence_as(activations, flat))
    return [results_of(engine, output) for output in outputs]


def results_of(engine, outputs):
    """Returns the results of an engine by table, from its activations by step."""
    return {
        name: Result(
            [{side: v.numpy() for side, v in out[name].items()} for out in outputs],
            state,
        )
        for name, state in cases.state(engine).items()
    }


def expected_of(oracle, *replicas, **options):
    """Returns the reference's result for a pair, or for each replica's pair."""
    rule = replicas[0].rule
    optimizer = getattr(oracle, rule.split("-")[0])
    if "quantized" in rule:
        options["quantization"] = oracle.Quantization(*QUANTIZATION)
    given = {"learning_rate": grid.RATE} | grid.RULES[rule]
    table = oracle.Table(cases.values(), optimizer(**given), **options)
    activations = [[] for _ in replicas]
    for number in range(len(replicas[0].drawn)):
        items = [(p.case, item) for p in replicas for item in p.drawn[number].values()]
        outputs = table.step(
            [(case.lookup(oracle, item), item.gradient) for case, item in items]
        )
        for replica, found in enumerate(activations):
            left, right = outputs[2 * replica : 2 * replica + 2]
            found.append({"left": left, "right": right})
    state = {"parameters": table.values} | table.slots
    results = [Result(found, state) for found in activations]
    return results if len(results) > 1 else results[0]


def assert_same(got, expected, rule, atol=1e-5):
    """Asserts that activations and state lie within the bars of the preface."""
    pairs = zip(got.activations, expected.activations, strict=True)
    for step, (mine, theirs) in enumerate(pairs):
        assert_close(mine, theirs, atol if step else 1e-6, f"in step {step}")
    assert_close(got.state, expected.state, atol, "after the last step", rule)


def assert_close(got, expected, atol, where, rule=""):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        bar = atol / grid.RATE if name == "linears" and "times" not in rule else atol
        np.testing.assert_allclose(
            got[name], value, rtol=1e-6, atol=bar, err_msg=f"{name}, {where}"
        )


@functools.cache
def trained(kernels, name, host_count):
    rules = [
        rule
        for chosen, other, hosts, rule in by_kernels(grid.GRID, grid.STOCK_GRID)
        if (chosen, other, hosts) == (kernels, name, host_count)
    ]
    pairs = {rule: pair_of(name, rule) for rule in rules}
    return train(pairs, host_count)


@pytest.mark.parametrize(
    ("kernels", "name", "host_count", "rule"),
    by_kernels(grid.GRID, grid.STOCK_GRID),
    indirect=["kernels"],
)
def test_training_steps_match_reference(oracle, kernels, name, host_count, rule):
    got = trained(kernels, name, host_count)[rule]
    assert_same(got, expected_of(oracle, pair_of(name, rule)), rule)


@pytest.mark.parametrize(
    ("name", "host_count", "rule"), [g for g in grid.GRID if g[1] > 1]
)
@pytest.mark.parametrize("kernels", ["native"], indirect=True)
def test_host_count_changes_nothing(kernels, name, host_count, rule):
    got, alone = (trained(kernels, name, count)[rule] for count in (host_count, 1))
    for mine, theirs in zip(got.activations, alone.activations, strict=True):
        assert_close(mine, theirs, 1e-6, "activations")
    assert_close(got.state, alone.state, 1e-6, "state", rule)


@functools.cache
def compiled(kernels):
    """Trains inputs of all kinds in one graph, each with another rule; by input."""
    pairs = {name: pair_of(name, rule) for name, rule in grid.COMPILED.items()}
    return train(pairs, 2, compiled=True)


@pytest.mark.parametrize(("name", "rule"), grid.COMPILED.items())
def test_compiled_steps_match_reference(oracle, kernels, name, rule):
    assert_same(compiled(kernels)[name], expected_of(oracle, pair_of(name, rule)), rule)


@functools.cache
def pipelined(kernels, name):
    pairs = {rule: pair_of(name, rule) for rule in grid.PIPELINED}
    return train(pairs, 3, pipeline_execution_with_tensor_core=True)


@pytest.mark.parametrize(
    ("kernels", "name"),
    by_kernels([(name,) for name in grid.SAMPLE], [(grid.SAMPLE[2],)]),
    indirect=["kernels"],
)
@pytest.mark.parametrize("rule", grid.PIPELINED)
def test_pipelined_lookups_are_one_step_stale(oracle, kernels, name, rule):
    expected = expected_of(oracle, pair_of(name, rule), pipelined=True)
    assert_same(pipelined(kernels, name)[rule], expected, rule)


@functools.cache
def replicated(kernels, name):
    pairs = [{r: pair_of(name, r, seed) for r in grid.REPLICATED} for seed in (7, 8)]
    return train_replicas(pairs, 3)


@pytest.mark.parametrize(
    ("kernels", "name"),
    by_kernels([(name,) for name in grid.SAMPLE], [(grid.SAMPLE[2],)]),
    indirect=["kernels"],
)
@pytest.mark.parametrize("rule", grid.REPLICATED)
def test_replicas_are_summed_and_rows_updated_once(oracle, kernels, name, rule):
    expected = expected_of(oracle, pair_of(name, rule, 7), pair_of(name, rule, 8))
    for results, mine in zip(replicated(kernels, name), expected, strict=True):
        assert_same(results[rule], mine, rule)


@functools.cache
def spoiled_for(name, fault):
    """Puts unusable values into every batch of an input."""
    return [cases.spoiled(step, fault, n) for n, step in enumerate(drawn_for(name, 7))]


def spoiled_pair(name, rule, fault):
    return Pair(grid.INPUTS[name], rule, spoiled_for(name, fault))


@functools.cache
def policed(kernels, name):
    """Trains an input on unusable values; results by rule-fault-policy."""
    pairs, words = {}, {}
    for _, fault, rule, word in (
        chosen for chosen in grid.POLICED if chosen[0] == name
    ):
        pairs[f"{rule}-{fault}-{word}"] = spoiled_pair(name, rule, fault)
        words[f"{rule}-{fault}-{word}"] = word
    return train(pairs, 2, policies=words)


@pytest.mark.parametrize(
    ("kernels", "name", "fault", "rule", "word"),
    by_kernels(
        grid.POLICED, [chosen for chosen in grid.POLICED if chosen[0] == grid.SAMPLE[2]]
    ),
    indirect=["kernels"],
)
def test_unusable_values_meet_the_policy(oracle, kernels, name, fault, rule, word):
    expected = expected_of(oracle, spoiled_pair(name, rule, fault), policy=word)
    assert_same(policed(kernels, name)[f"{rule}-{fault}-{word}"], expected, rule)


@pytest.mark.parametrize(
    ("kernels", "name", "fault"),
    by_kernels(
        grid.FAULTS, [chosen for chosen in grid.FAULTS if chosen[0] in grid.SAMPLE]
    ),
    indirect=["kernels"],
)
@pytest.mark.usefixtures("kernels")
def test_unusable_values_are_refused_and_change_nothing(oracle, name, fault):
    good = {side: pair_of(name, "Adagrad") for side in ("first", "second")}
    spoiled = good | {"second": spoiled_pair(name, "Adagrad", fault)}
    with pytest.raises(oracle.Refused):
        expected_of(oracle, spoiled["second"])
    engine = engine_of(good, 2, None)

    def attempt(ids, weights, gradients):
        engine.enqueue(ids, weights)
        engine.dequeue()
        engine.apply_gradients(gradients)

    before = cases.state(engine)
    with pytest.raises(tf.errors.InvalidArgumentError):
        attempt(*nests_of(spoiled, 0))
    for table, slots in cases.state(engine).items():
        for slot, value in slots.items():
            np.testing.assert_array_equal(value, before[table][slot])
    # The refused batch is gone; refused gradients can be given again.
    *inputs, gradients = nests_of(good, 0)
    if fault == "gradient":
        engine.apply_gradients(gradients)
    else:
        attempt(*inputs, gradients)
    pair = good["second"]
    expected = expected_of(oracle, pair._replace(drawn=pair.drawn[:1]))
    for state in cases.state(engine).values():
        assert_close(state, expected.state, 1e-5, "after the second attempt")


def test_batches_hold_what_the_matrix_claims():
    """Empty and uneven examples, ids twice in one example and in both features."""
    for name, case in grid.INPUTS.items():
        drawn = drawn_for(name, 7)
        for features in drawn:
            left, right = features["left"].ids, features["right"].ids
            assert {i for ids in left for i in ids} & {i for ids in right for i in ids}
            if not case.kind.startswith("dense"):
                assert [] in left
                assert right[-1] == []
                assert len({len(ids) for ids in left}) > 2
        examples = [ids for features in drawn for ids in features["left"].ids]
        if not case.kind.startswith("dense"):
            assert any(len(set(ids)) < len(ids) for ids in examples)
            assert any(len(ids) > cases.LENGTH for ids in examples)
        assert case.gaps == any(None in ids[: case.length] for ids in examples)
