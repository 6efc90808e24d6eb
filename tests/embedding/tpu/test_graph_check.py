"""The graph check accepts what the engine builds, and names each fault of a graph."""

import itertools
from pathlib import Path

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.tpu import enqueue_inputs
from shardline.embedding.tpu.config_proto import Configuration
from shardline.embedding.tpu.graph_check import check_tpu_graph

graphs = load(Path(__file__).with_name("checked_graphs.py"))

tpu = tf.tpu.experimental.embedding
pytestmark = pytest.mark.timeout(300)
KINDS = ("dense", "sparse", "ragged")
IDS = tf.TensorSpec([4], tf.int64)


@pytest.fixture
def graph_of(both_classes, fake_tpu):
    """Builds a graph of the ids of four cores; `program` runs on each core."""
    strategy = fake_tpu.strategy(2, 2)

    def build(before, program):
        def step(*ids):
            before(ids, strategy.extended.worker_devices)
            strategy.run(program, args=(both_classes.per_replica(list(ids)),))

        return graphs.traced(step, *[IDS] * 4)

    return build


def nothing(ids, devices):
    del ids, devices


def train(engine):
    """Receives and sends gradients."""
    gradients = tf.nest.map_structure(lambda x: 2 * x, engine.dequeue())
    engine.apply_gradients(gradients)


def enqueue_all(engine, ids, devices, **options):
    for value, device in zip(ids, devices, strict=True):
        engine.enqueue({"f0": value}, device=device, **options)


@pytest.mark.parametrize(
    ("place", "training", "hosts"),
    list(itertools.product(("replicas", "device", "run"), (True, False), (1, 2))),
)
def test_graph_of_the_engine_passes(place, training, hosts, ours, steps):
    step = steps.Step(KINDS, place, training=training, hosts=hosts, weighted=True)
    engine, graph = ours(step)

    check_tpu_graph(graph, engine.config, ["sum", "mean"])
    check_tpu_graph(graph)


def test_graph_with_spmd_passes(ours, steps):
    engine, graph = ours(steps.Step(("dense", "sparse"), spmd=2))

    check_tpu_graph(graph, engine.config)


def test_labelled_step_inside_run_passes(ours, steps):
    engine, graph = ours(steps.Step(("dense",), "run", name="a", training=False))

    check_tpu_graph(graph, engine.config)


def test_loop_over_steps_passes(small, graph_of, both_classes, fake_tpu):
    strategy = fake_tpu.strategy(2, 2)

    def loop(*ids):
        def body(count):
            enqueue_all(small, ids, strategy.extended.worker_devices)
            strategy.run(
                lambda x: train(small), args=(both_classes.per_replica(list(ids)),)
            )
            return [count + 1]

        tf.while_loop(lambda count: count < 3, body, [tf.constant(0)])

    check_tpu_graph(graphs.traced(loop, *[IDS] * 4), small.config)


def test_training_batch_without_gradients_is_refused(small, graph_of):
    graph = graph_of(
        lambda *given: enqueue_all(small, *given), lambda ids: small.dequeue() and None
    )

    assert "gradients are never sent" in graphs.refusal(graph, small)


def test_gradients_of_inference_batch_are_refused(small, graph_of):
    graph = graph_of(
        lambda *given: enqueue_all(small, *given, training=False),
        lambda ids: train(small),
    )

    assert "training=False, but its gradients are sent" in graphs.refusal(graph, small)


def test_mode_by_tensor_is_not_judged(small, graph_of):
    graph = graph_of(
        lambda ids, devices: enqueue_all(
            small, ids, devices, training=tf.reduce_sum(ids[0]) > 0
        ),
        lambda ids: train(small),
    )

    check_tpu_graph(graph, small.config)


@pytest.mark.parametrize("training", [True, False])
def test_mode_inside_run_must_fit_gradients(training, small, graph_of):
    def program(ids):
        small.enqueue({"f0": ids}, training=not training)
        (train if training else type(small).dequeue)(small)

    graph = graph_of(nothing, program)

    expected = "gradients are sent" if training else "gradients are never sent"
    assert expected in graphs.refusal(graph, small)


def test_core_without_batch_is_refused(small, graph_of):
    def three(ids, devices):
        enqueue_all(small, ids[:3], devices[:3])

    graph = graph_of(three, lambda ids: train(small))

    assert "all 4 cores, and enqueues for 3 of them" in graphs.refusal(graph, small)


def test_second_batch_for_one_receive_is_refused(small, graph_of):
    def twice(ids, devices):
        enqueue_all(small, ids, devices)
        enqueue_all(small, ids, devices)

    graph = graph_of(twice, lambda ids: train(small))

    assert "enqueues 2 batches for core 0" in graphs.refusal(graph, small)


def test_second_receive_in_a_step_is_refused(small, graph_of):
    def twice(ids):
        small.dequeue()
        train(small)

    assert "2 Recv ops; one is allowed" in graphs.refusal(
        graph_of(nothing, twice), small
    )


def test_second_send_in_a_step_is_refused(small, graph_of):
    def twice(ids):
        train(small)
        small.apply_gradients({"f0": tf.ones([4, 4])})

    assert "2 Send ops; one is allowed" in graphs.refusal(
        graph_of(nothing, twice), small
    )


def test_gradients_without_receive_are_refused(small, graph_of):
    graph = graph_of(
        nothing, lambda ids: small.apply_gradients({"f0": tf.ones([4, 4])})
    )

    assert "call dequeue in it" in graphs.refusal(graph, small)


def test_batch_that_its_program_does_not_receive_is_refused(small, graph_of):
    graph = graph_of(nothing, lambda ids: small.enqueue({"f0": ids}))

    assert "does not receive it" in graphs.refusal(graph, small)


def test_name_on_several_batches_is_refused(small, graph_of):
    graph = graph_of(
        lambda *given: enqueue_all(small, *given, name="a"),
        lambda ids: small.apply_gradients(small.dequeue("a"), "a"),
    )

    assert "The name 'a' is on 4 Enqueue ops" in graphs.refusal(graph, small)


def test_name_without_counterpart_is_refused(small, graph_of):
    graph = graph_of(nothing, lambda ids: small.dequeue("b") and None)

    assert "The name 'b' is on ['Recv'] ops" in graphs.refusal(graph, small)


@pytest.mark.parametrize("method", ["dequeue", "apply_gradients"])
def test_op_outside_of_run_is_refused(method, small):
    arguments = [{"f0": tf.ones([4, 4])}] if method == "apply_gradients" else []
    graph = graphs.traced(lambda: getattr(small, method)(*arguments) and None)

    assert "stands outside of strategy.run" in graphs.refusal(graph, small)


def test_combiners_in_another_order_are_refused(ours, steps):
    engine, graph = ours(steps.Step(("dense", "sparse")))

    assert "needs a combiner for each" in graphs.refusal(graph, engine, ["mean", "sum"])


ENQUEUE_FAULTS = {
    "narrow ids": ({"embedding_indices": [tf.zeros([4], tf.int32)]}, "T2"),
    "wide rows": ({"sample_indices_or_row_splits": [tf.zeros([0], tf.int64)]}, "T1"),
    "double weights": ({"aggregation_weights": [tf.zeros([0], tf.float64)]}, "T3"),
    "ordinal": ({"device_ordinal": 2}, r"device_ordinal must be in \[0, 2\); got 2"),
    "no ordinal": ({"device_ordinal": -1}, "got -1"),
    "device": ({"device": ""}, "must be on the CPU of its core's host"),
    "combiner": ({"combiners": ["max"]}, "must be sum, mean or sqrtn"),
    "no combiners": ({"combiners": []}, "needs a combiner for each"),
    "features": (
        {
            "sample_indices_or_row_splits": [tf.zeros([0], tf.int32)] * 2,
            "embedding_indices": [tf.zeros([4], tf.int64)] * 2,
            "aggregation_weights": [tf.zeros([0], tf.float32)] * 2,
        },
        "'N': 2",
    ),
}


@pytest.mark.parametrize("fault", ENQUEUE_FAULTS)
def test_fault_in_enqueue_op_is_refused(fault, small):
    changed, message = ENQUEUE_FAULTS[fault]

    with pytest.raises(ValueError, match=message):
        check_tpu_graph(graphs.raw_enqueue(**changed), small.config)


def test_enqueue_op_without_kernel_is_refused(small):
    def build():
        tf.raw_ops.EnqueueTPUEmbeddingIntegerBatch(
            batch=[tf.zeros([4], tf.int32)], mode_override="train", device_ordinal=0
        )

    assert "has no kernel; use" in graphs.refusal(graphs.traced(build), small)


def test_enqueue_in_the_program_of_the_tpu_is_refused(small, graph_of):
    def program(ids):
        inputs = enqueue_inputs.op_inputs(small.engine._features, [ids], [None])
        tf.raw_ops.EnqueueTPUEmbeddingArbitraryTensorBatch(
            sample_indices_or_row_splits=inputs.sample_indices_or_row_splits,
            embedding_indices=inputs.ids,
            aggregation_weights=inputs.weights,
            mode_override="train",
            combiners=["sum"],
        )
        train(small)

    assert "cannot enqueue" in graphs.refusal(graph_of(nothing, program), small)


def test_other_configuration_is_refused(small, graph_of):
    graph = graph_of(nothing, lambda ids: train(small))
    other = Configuration.FromString(small.config)
    other.num_hosts = 1

    with pytest.raises(ValueError, match="another configuration than the engine"):
        check_tpu_graph(graph, other.SerializeToString())


def test_missing_learning_rate_is_refused(small, graph_of):
    small.engine._backend._rates.clear()
    graph = graph_of(nothing, lambda ids: train(small))

    assert "needs 1 learning rates, one a tag; got 0" in graphs.refusal(graph, small)


def test_gradient_of_another_shape_is_refused(small, graph_of):
    graph = graph_of(
        nothing,
        lambda ids: (
            (
                small.dequeue(),
                small.engine._backend.send_gradients([tf.ones([4, 3])], name=None),
            )
            and None
        ),
    )

    assert "needs gradients of the shapes [[4, 4]]" in graphs.refusal(graph, small)


CONFIG_FAULTS = {
    "empty name": (lambda c: c.table_descriptor[0].ClearField("name"), "not empty"),
    "same names": (lambda c: c.table_descriptor.add(name="large"), "must be unique"),
    "no feature": (
        lambda c: c.ClearField("feature_descriptor"),
        "describes no feature",
    ),
    "tags": (
        lambda c: setattr(
            c.table_descriptor[0].optimization_parameters.learning_rate.dynamic,
            "tag",
            2,
        ),
        r"must count from 0; got \[2\]",
    ),
}


@pytest.mark.parametrize("fault", CONFIG_FAULTS)
def test_fault_in_configuration_is_refused(fault, small):
    change, message = CONFIG_FAULTS[fault]
    config = Configuration.FromString(small.config)
    change(config)

    with pytest.raises(ValueError, match=message):
        check_tpu_graph(tf.Graph(), config.SerializeToString())
