"""Graphs of the TPU backend equal those of TensorFlow's class, node by node.

No TPU takes part: strategies over TPUs that exist by name let both classes build their
graphs. Compared are op types, attributes, devices, data and control inputs, and the
bodies of functions; only names of nodes may differ.
"""

import itertools
from unittest import mock

import pytest
import tensorflow as tf

from shardline.embedding.tpu import backend as tpu_backend
from shardline.embedding.tpu import core_devices, enqueue_inputs, transfer

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(600)

ALL_KINDS = ("dense", "sparse", "ragged")
POOLED = ("dense", "dense_column", "sparse", "sparse_int32", "ragged", "ragged_int32")
SHAPED = (
    "dense_rank3",
    "sparse_rank3",
    "sparse_sequence",
    "sparse_sequence_rank3",
    "sparse_shaped",
    "ragged_sequence",
    "ragged_shaped",
)
WEIGHTABLE = ("sparse", "sparse_rank3", "ragged", "ragged_int32", "ragged_shaped")
PLACES = ("replicas", "device", "run")


def matrix():
    """Yields the arguments of every step that is compared."""
    for kind, place in itertools.product(POOLED + SHAPED, PLACES):
        yield {"kinds": (kind,), "enqueued": place}
    for kind, place in itertools.product(WEIGHTABLE, PLACES):
        yield {"kinds": (kind,), "enqueued": place, "weighted": True}
    for hosts, place in itertools.product((1, 2, 4), PLACES):
        yield {"kinds": ALL_KINDS, "enqueued": place, "hosts": hosts, "weighted": True}
    for place in PLACES:
        mixed = {"kinds": (*ALL_KINDS, "sparse_sequence"), "enqueued": place}
        yield {**mixed, "training": False}
        yield {**mixed, "name": "layer"}
        yield {**mixed, "name": "layer", "training": False, "weighted": True}
        yield {**mixed, "combiners": ("sqrtn", "sum")}
    yield {"kinds": ALL_KINDS, "enqueued": "run", "training": "tensor"}
    for kinds in (("dense",), ("sparse",), ("dense", "sparse")):
        for weighted, hosts in ((False, 1), (True, 2)):
            yield {"kinds": kinds, "spmd": 2, "weighted": weighted, "hosts": hosts}
    # TensorFlow's class cannot train these: it multiplies every dimension of their
    # gradients' shapes by the number of cores.
    for kind in ("dense_rank3", "sparse_sequence"):
        yield {"kinds": (kind,), "spmd": 2, "training": False}


@pytest.fixture
def step(request, steps):
    return steps.Step(**request.param)


@pytest.fixture
def strategy_of(fake_tpu):
    def choose(step):
        if step.spmd:
            return fake_tpu.spmd_strategy(step.hosts, 4, step.spmd)
        return fake_tpu.strategy(step.hosts, 2)

    return choose


@pytest.fixture
def built(both_classes, graph_compare, strategy_of):
    """Returns the signatures of a step's graph, built with one class."""

    def build(side, step, optimizer=None):
        strategy = strategy_of(step)
        engine = side(
            strategy,
            step.feature_config(),
            optimizer or tpu.Adagrad(0.1),
            step.input_shapes(),
        )
        graph = step.graph(engine, both_classes.per_replica, strategy)
        return graph_compare.signatures(graph.get_operations())

    return build


def step_id(arguments):
    words = ["+".join(arguments["kinds"])]
    return "-".join(
        words + [f"{k}={v}" for k, v in arguments.items() if k != "kinds"]
    ).replace("'", "")


@pytest.mark.parametrize("step", list(matrix()), indirect=True, ids=step_id)
def test_step_of_each_kind_builds_the_same_graph(
    step, built, both_classes, graph_compare
):
    upstream, ours = built(both_classes.Upstream, step), built(both_classes.Ours, step)

    assert graph_compare.difference(upstream, ours) == []
    types = {signature.split(" ")[0] for signature in ours}
    assert "EnqueueTPUEmbeddingArbitraryTensorBatch" in types
    assert "RecvTPUEmbeddingActivations" in types
    assert ("SendTPUEmbeddingGradients" in types) == (step.training is not False)


@pytest.mark.parametrize("place", PLACES)
def test_missing_gradient_builds_the_same_graph(
    place, built, both_classes, steps, graph_compare
):
    step = steps.Step(("dense", "sparse"), place, hosts=2, missing_gradient=True)
    graphs = [built(side, step) for side in (both_classes.Upstream, both_classes.Ours)]

    assert graph_compare.difference(*graphs) == []


def first_rate():
    return tf.constant(0.25)


def second_rate():
    return 0.5


COMMON = {
    "use_gradient_accumulation": True,
    "clip_weight_min": -2.0,
    "clip_weight_max": 3.0,
    "weight_decay_factor": 0.01,
    "multiply_weight_decay_factor_by_learning_rate": True,
    "clipvalue": (-0.5, None),
    "low_dimensional_packing_status": True,
}


class DerivedAdam(tpu.Adam):
    """A user's own class of a known algorithm."""


OPTIMIZERS = {
    "sgd": lambda: tpu.SGD(0.1),
    "sgd_options": lambda: tpu.SGD(first_rate, **COMMON),
    "adagrad": lambda: tpu.Adagrad(0.1, 0.3),
    "adagrad_options": lambda: tpu.Adagrad(0.1, **COMMON),
    "adagrad_momentum": lambda: tpu.AdagradMomentum(0.1),
    "adagrad_momentum_options": lambda: tpu.AdagradMomentum(
        first_rate,
        momentum=0.9,
        use_nesterov=True,
        exponent=3.0,
        beta2=0.9,
        epsilon=1e-3,
        **COMMON,
    ),
    "adam": lambda: tpu.Adam(0.1),
    "adam_not_lazy": lambda: tpu.Adam(
        0.1, 0.8, 0.9, 1e-3, lazy_adam=False, sum_inside_sqrt=False, **COMMON
    ),
    "adam_derived": lambda: DerivedAdam(0.1),
    "ftrl": lambda: tpu.FTRL(0.1),
    "ftrl_options": lambda: tpu.FTRL(
        second_rate,
        learning_rate_power=-0.3,
        l1_regularization_strength=0.1,
        l2_regularization_strength=0.2,
        beta=0.3,
        initial_accumulator_value=0.4,
        multiply_linear_by_learning_rate=True,
        allow_zero_accumulator=True,
        **COMMON,
    ),
    "no_accumulation": lambda: tpu.Adagrad(0.1, use_gradient_accumulation=False),
}


def table_config(table, optimizer):
    """Three tables: fewer rows than hosts, quantized, and with an optimizer."""
    tiny = table(1, 2, name="tiny", combiner="sqrtn")
    quantized = table(21, 3, quantization_config=tpu.QuantizationConfig(8, -1.0, 2.0))
    own = table(7, 1, optimizer=optimizer)
    return (
        tpu.FeatureConfig(own, name="first"),
        {"b": tpu.FeatureConfig(tiny), "a": [tpu.FeatureConfig(quantized)]},
        tpu.FeatureConfig(tiny, name="second"),
    )


@pytest.fixture
def both(both_classes, steps, fake_tpu):
    """Builds both classes over three tables; only the first has the optimizer."""

    def build(hosts, optimizer, default=None, pipelined=False):
        made = []
        for side in (both_classes.Upstream, both_classes.Ours):
            config = table_config(steps.table, optimizer())
            shapes = tf.nest.map_structure(lambda _: tf.TensorShape([4]), config)
            made.append(
                side(
                    fake_tpu.strategy(hosts, 2),
                    config,
                    default or tpu.SGD(0.1),
                    shapes,
                    pipelined,
                )
            )
        return made

    return build


@pytest.mark.parametrize("hosts", [1, 2, 4])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_start_of_each_optimizer_builds_the_same_graphs(
    hosts, optimizer, both, graph_compare
):
    upstream, ours = both(hosts, OPTIMIZERS[optimizer], pipelined=hosts == 2)

    assert ours.config == upstream.config
    assert len(ours.build_calls) == 2  # configure and load
    for calls in (lambda side: side.build_calls, lambda side: side.retrieve_calls()):
        found, expected = (
            graph_compare.signatures(calls(side)) for side in (ours, upstream)
        )
        assert graph_compare.difference(expected, found) == []
    assert sum(found.values()) > 3 * hosts


def test_shared_learning_rates_get_one_tag_each_in_order(both):
    upstream, ours = both(2, lambda: tpu.Adam(second_rate), tpu.Adagrad(first_rate))

    assert ours.config == upstream.config
    assert ours.engine._backend._rates == [second_rate, first_rate]


def test_dynamic_learning_rates_build_the_same_step(
    built, both_classes, steps, graph_compare
):
    step = steps.Step(("dense", "sparse"), hosts=2)
    graphs = [
        built(side, step, tpu.Adam(first_rate))
        for side in (both_classes.Upstream, both_classes.Ours)
    ]

    assert graph_compare.difference(*graphs) == []
    sends = [s for s in graphs[1] if s.startswith("SendTPUEmbeddingGradients")]
    assert "('NN', '1801')" in sends[0]


@pytest.mark.parametrize("place", PLACES)
def test_pipelined_step_is_the_same_but_for_its_configuration(
    place, steps, both_classes, graph_compare, fake_tpu
):
    step = steps.Step(("dense", "ragged"), place, hosts=2)
    strategy = fake_tpu.strategy(2, 2)
    graphs = []
    for side in (both_classes.Upstream, both_classes.Ours):
        engine = side(
            strategy, step.feature_config(), tpu.SGD(1.0), step.input_shapes(), True
        )
        graph = step.graph(engine, both_classes.per_replica, strategy)
        graphs.append(graph_compare.signatures(graph.get_operations()))

    assert graph_compare.difference(*graphs) == []


def _shift_ordinals(device):
    host, ordinal = _REAL_CORE_OF(device)
    return core_devices.Core(host, ordinal + 1)


def _first_host(device):
    _, ordinal = _REAL_CORE_OF(device)
    return core_devices.Core("/job:worker/replica:0/task:0/device:CPU:0", ordinal)


def _swapped(features, inputs, weights):
    rows, ids, weights = _REAL_OP_INPUTS(features, inputs, weights)
    return enqueue_inputs.OpInputs(rows[::-1], ids, weights)


def _narrow(features, inputs, weights):
    rows, ids, weights = _REAL_OP_INPUTS(features, inputs, weights)
    return enqueue_inputs.OpInputs(rows, [tf.cast(i, tf.int32) for i in ids], weights)


def _no_label(op, name):
    del op, name


_REAL_CORE_OF = core_devices.core_of
_REAL_OP_INPUTS = enqueue_inputs.op_inputs
FAULTS = {
    "device_ordinal": (core_devices, "core_of", _shift_ordinals),
    "host": (core_devices, "core_of", _first_host),
    "order_of_features": (enqueue_inputs, "op_inputs", _swapped),
    "narrow_ids": (enqueue_inputs, "op_inputs", _narrow),
    "label": (tpu_backend, "_set_name", _no_label),
    "mode": (enqueue_inputs, "mode_of", lambda training: "inference"),
    "mode_choice": (enqueue_inputs, "mode_of", enqueue_inputs.selected_mode),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_in_our_step_is_a_difference(
    fault, built, both_classes, steps, graph_compare
):
    step = steps.Step(ALL_KINDS, hosts=2, weighted=True, name="layer")
    upstream = built(both_classes.Upstream, step)

    with mock.patch.object(*FAULTS[fault]):
        ours = built(both_classes.Ours, step)

    assert graph_compare.difference(upstream, ours)


def test_fault_in_combiners_is_a_difference(built, both_classes, steps, graph_compare):
    upstream = built(both_classes.Upstream, steps.Step(("sparse", "dense")))
    ours = built(
        both_classes.Ours, steps.Step(("sparse", "dense"), combiners=("mean", "sum"))
    )

    assert graph_compare.difference(upstream, ours)


def test_fault_in_zeros_for_hosts_without_rows_is_a_difference(both, graph_compare):
    def first_shard(shards, host_id):
        return shards[min(host_id, len(shards) - 1)]

    with mock.patch.object(transfer, "_shard_or_zeros", first_shard):
        upstream, ours = both(2, OPTIMIZERS["adam"])

    assert graph_compare.difference(
        graph_compare.signatures(upstream.build_calls),
        graph_compare.signatures(ours.build_calls),
    )
