"""SparseCores: what is refused, the layout of rows, and the graphs that are built.

Nothing here runs on hardware; strategies have TPUs by name only.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.tpu import tpu_embedding_v3_utils

from shardline import embedding
from shardline.embedding.tpu import sparse_core_layout
from shardline.embedding.tpu.backend import TPUBackend
from shardline.embedding.tpu.sparse_core import SparseCoreBackend

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(300)

BATCH = 8
IDS = tf.TensorSpec([BATCH], tf.int64)
RAGGED = tf.RaggedTensorSpec([BATCH, None], tf.int64)


def config(**feature_options):
    """Features of two tables that are stacked; rows by remainder and rotation."""
    options = {"initializer": tf.zeros_initializer()}
    small = tpu.TableConfig(13, 4, name="small", combiner="sum", **options)
    large = tpu.TableConfig(100, 4, name="large", **options)
    return {
        "x": tpu.FeatureConfig(small, **feature_options),
        "y": tpu.FeatureConfig(large),
    }


@pytest.fixture
def strategy(fake_tpu):
    return fake_tpu.strategy(1, 2, 4)


@pytest.fixture
def start(strategy):
    """Builds an engine on SparseCores, inside a graph."""

    def build(features=None, optimizer=None, **options):
        with tf.Graph().as_default(), strategy.scope():
            made = embedding.TPUEmbedding(
                features or config(), optimizer or tpu.Adagrad(0.1), **options
            )
            made.build(BATCH)
        return made

    return build


@pytest.fixture
def graph_of(strategy, both_classes):
    """Builds the graph of a program over the ids of two cores."""

    def build(program, spec=IDS):
        def step(*ids):
            xs, ys = (both_classes.per_replica(list(ids[i::2])) for i in range(2))
            strategy.run(lambda x, y: program({"x": x, "y": y}), args=(xs, ys))

        return (
            tf.function(step, autograph=False).get_concrete_function(*[spec] * 4).graph
        )

    return build


def test_table_whose_values_are_given_whole_is_built(start):
    values = np.ones([13, 4], np.float32)
    table = tpu.TableConfig(13, 4, initializer=tf.constant_initializer(values))
    engine = start({"x": tpu.FeatureConfig(table)})
    assert table.initializer.value is values
    assert engine.loads == 1


def doubled(activations):
    return tf.nest.map_structure(lambda x: 2 * x, activations)


@pytest.mark.parametrize(
    ("sparse_cores", "kind"), [(4, SparseCoreBackend), (0, TPUBackend)]
)
def test_hardware_decides_about_the_backend(sparse_cores, kind, fake_tpu):
    with fake_tpu.strategy(1, 2, sparse_cores).scope():
        engine = embedding.TPUEmbedding(config(), tpu.SGD(0.1))

    assert type(engine._backend) is kind
    assert engine.hosts == ["/job:worker/replica:0/task:0/device:CPU:0"]


OPTIONS = {
    "weight_decay_factor": tpu.SGD(0.1, weight_decay_factor=0.1),
    "clip_weight_min": tpu.SGD(0.1, clip_weight_min=-1.0),
    "clip_weight_max": tpu.Adagrad(0.1, clip_weight_max=1.0),
    "clip_gradient_min": tpu.Adagrad(0.1, clipvalue=1.0),
    "use_gradient_accumulation": tpu.SGD(0.1, use_gradient_accumulation=False),
    "lazy_adam": tpu.Adam(0.1, lazy_adam=False),
    "slot_variable_creation_fn": tpu.Adagrad(
        0.1, slot_variable_creation_fn=lambda *given: {}
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_ignored_option_is_refused_with_its_table(option, strategy):
    with (
        strategy.scope(),
        pytest.raises(NotImplementedError, match=rf"Table 'small'.*\({option}="),
    ):
        embedding.TPUEmbedding(config(), OPTIONS[option])


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay_factor": 0.0},
        {
            "weight_decay_factor": 0.0,
            "multiply_weight_decay_factor_by_learning_rate": False,
        },
        {
            "weight_decay_factor": 0,
            "multiply_weight_decay_factor_by_learning_rate": True,
        },
    ],
)
def test_option_that_is_off_is_taken_and_left_as_it_was(options, start):
    optimizer = tpu.Adagrad(0.1, **options)

    made = start(optimizer=optimizer)

    assert optimizer == tpu.Adagrad(0.1, **options)
    layouts = made._backend._layer.embedding_layouts.values()
    assert len({layout.stacked_table_name for layout in layouts}) == 1


def test_joining_is_refused(strategy):
    with (
        strategy.scope(),
        pytest.raises(
            NotImplementedError,
            match="initialize_tpu_embedding=False is not implemented on SparseCores",
        ),
    ):
        embedding.TPUEmbedding(config(), tpu.SGD(0.1), initialize_tpu_embedding=False)


def test_sequence_is_refused_with_its_feature(strategy):
    with (
        strategy.scope(),
        pytest.raises(NotImplementedError, match="Feature 'x': max_sequence_length=3"),
    ):
        embedding.TPUEmbedding(config(max_sequence_length=3), tpu.SGD(0.1))


def test_ids_of_64_bits_are_refused_with_their_table(strategy):
    huge = {"x": tpu.FeatureConfig(tpu.TableConfig(2**31 + 1, 1, name="huge"))}
    with (
        strategy.scope(),
        pytest.raises(NotImplementedError, match="Table 'huge': 2147483649 rows"),
    ):
        embedding.TPUEmbedding(huge, tpu.SGD(0.1))


def test_users_configuration_is_not_changed(start):
    features = config()
    start(features)

    assert features["x"].table.vocabulary_size == 13
    assert features["x"].table.optimizer is None
    assert features["x"].output_shape.rank is None


@pytest.mark.parametrize("spec", [IDS, RAGGED], ids=["dense", "ragged"])
@pytest.mark.parametrize(
    "optimizer", ["SGD", "Adagrad", "AdagradMomentum", "Adam", "FTRL"]
)
@pytest.mark.parametrize("pipelined", [False, True])
def test_step_builds_the_graph_of_tensorflows_class(
    optimizer, pipelined, spec, start, strategy, graph_of, graph_compare
):
    made = getattr(tpu, optimizer)(lambda: 0.1)
    ours = start(optimizer=made, pipeline_execution_with_tensor_core=pipelined)
    with tf.Graph().as_default(), strategy.scope():
        features = config()
        for feature in features.values():
            feature.output_shape = tf.TensorShape([BATCH])
        theirs = tpu.TPUEmbeddingV2(features, made, pipelined)
        theirs.build()

    def our_program(ids):
        ours.enqueue(ids)
        ours.apply_gradients(doubled(ours.dequeue()))

    def their_program(ids):
        activations, preserved = theirs(ids)
        gradients = doubled(activations)
        # The engine gives every gradient its full static shape.
        gradients = {k: tf.reshape(g, [BATCH, 4]) for k, g in gradients.items()}
        theirs.apply_gradients(gradients, preserved)

    graphs = [
        graph_compare.signatures(graph_of(program, spec).get_operations())
        for program in (their_program, our_program)
    ]
    assert graph_compare.difference(*graphs) == []
    assert any(s.startswith("XlaSparseDenseMatmulGradWith") for s in graphs[1])


def programs(engine):
    gradients = {"x": tf.ones([BATCH, 4]), "y": tf.ones([BATCH, 4])}

    def enqueue_twice(ids):
        engine.enqueue(ids)
        engine.enqueue(ids)

    def gradients_of_inference(ids):
        engine.enqueue(ids, training=False)
        engine.apply_gradients(doubled(engine.dequeue()))

    def gradients_twice(ids):
        engine.enqueue(ids)
        engine.apply_gradients(doubled(engine.dequeue()))
        engine.apply_gradients(gradients)

    def dequeue_twice(ids):
        engine.enqueue(ids)
        engine.dequeue()
        engine.dequeue()

    return {
        "enqueue called twice": (enqueue_twice, "enqueue was called twice"),
        "dequeue first": (lambda ids: engine.dequeue(), "found no batch"),
        "dequeue twice": (dequeue_twice, "found no batch"),
        "no dequeue": (
            lambda ids: engine.apply_gradients(gradients),
            "found no training batch",
        ),
        "inference": (gradients_of_inference, "found no training batch"),
        "gradients twice": (gradients_twice, "found no training batch"),
    }


@pytest.mark.parametrize(
    "order",
    [
        "enqueue called twice",
        "dequeue first",
        "dequeue twice",
        "no dequeue",
        "inference",
        "gradients twice",
    ],
)
def test_calls_out_of_order_are_refused(order, start, graph_of):
    program, message = programs(start())[order]

    with pytest.raises(RuntimeError, match=message):
        graph_of(program)


def test_batch_of_another_program_is_not_found(start, graph_of):
    engine = start()
    graph_of(engine.enqueue)

    with pytest.raises(RuntimeError, match="found no batch"):
        graph_of(lambda ids: engine.dequeue())


@pytest.mark.parametrize("device", [None, "/job:worker/task:0/device:TPU:0"])
def test_enqueue_ahead_is_refused(device, start):
    engine = start()
    ids = {"x": tf.zeros([BATCH], tf.int64), "y": tf.zeros([BATCH], tf.int64)}

    with pytest.raises(NotImplementedError, match="SparseCores have no queue"):
        engine.enqueue(ids, device=device)


def test_sparse_ids_of_rank_3_are_refused(start, strategy, graph_of):
    shaped = config(output_shape=[BATCH, 2])
    spec = tf.SparseTensorSpec([BATCH, 2, None], tf.int64)
    shaped["y"] = tpu.FeatureConfig(shaped["y"].table, output_shape=[BATCH, 2])
    engine = start(shaped)

    with pytest.raises(NotImplementedError, match="Feature 'x': sparse ids of rank 3"):
        graph_of(engine.enqueue, spec)


@pytest.fixture
def layouts(start):
    return list(start()._backend._layer.embedding_layouts.values())


def values_of(layouts):
    rng = np.random.default_rng(3)
    return {
        layout.table_name: rng.normal(size=layout.unsharded_shape).astype(np.float32)
        for layout in layouts
    }


def test_stack_reads_back_with_tensorflows_own_function(layouts):
    values = values_of(layouts)
    stack = sparse_core_layout.stacked(layouts, values)

    assert len({layout.stacked_table_name for layout in layouts}) == 1
    assert layouts[1].sparse_core_shard_rotation != 0
    for layout in layouts:
        theirs = tpu_embedding_v3_utils.unshuffle_from_sc_to_cpu(
            stack,
            layout.num_sparse_cores,
            layout.sparse_core_shard_row_offset,
            layout.unsharded_padded_shape[0] // layout.num_sparse_cores,
            layout.sparse_core_shard_rotation,
        )
        theirs = tpu_embedding_v3_utils.remove_padding_from_sc(
            theirs, tuple(layout.unsharded_shape)
        )
        ours = sparse_core_layout.unstacked(layout, stack)
        np.testing.assert_array_equal(theirs, values[layout.table_name])
        np.testing.assert_array_equal(ours, values[layout.table_name])


def test_rows_are_not_tracked(strategy):
    backend = SparseCoreBackend([], [], strategy, pipelined=False)
    assert backend.touched_rows() is None
    backend.forget_touched_rows()
    assert not backend.cut(False, ".").in_pause
    with pytest.raises(ValueError, match="does not track which rows"):
        backend.cut(True, ".")


def test_load_and_retrieve_copy_every_table_and_slot(layouts, strategy):
    values = values_of(layouts)
    tables = [
        SimpleNamespace(
            spec=SimpleNamespace(name=name),
            parameters=sharded(table),
            slots={"accumulators": sharded(2 * table)},
        )
        for name, table in values.items()
    ]
    backend = SparseCoreBackend([], [], strategy, pipelined=False)
    rows = layouts[0].num_sparse_cores * layouts[0].total_rows_per_sparse_core_shard
    on_cores = {
        slot: SimpleNamespace(values=cores(rows))
        for slot in ("parameters", "accumulators")
    }
    backend._layer = SimpleNamespace(
        embedding_layouts={layout.table_name: layout for layout in layouts},
        variables={layouts[0].stacked_table_name: on_cores},
    )

    backend.load(tables)
    for variable in (v for t in tables for v in all_variables(t)):
        variable.assign(tf.zeros_like(variable))
    backend.retrieve()

    for table in tables:
        expected = values[table.spec.name]
        np.testing.assert_array_equal(whole(table.parameters), expected)
        np.testing.assert_array_equal(whole(table.slots["accumulators"]), 2 * expected)


def cores(rows):
    return [tf.Variable(tf.zeros([rows // 2, 8])) for _ in range(2)]


def sharded(table):
    return SimpleNamespace(variables=[tf.Variable(table[:7]), tf.Variable(table[7:])])


def all_variables(table):
    return [*table.parameters.variables, *table.slots["accumulators"].variables]


def whole(sharded):
    return np.concatenate([variable.numpy() for variable in sharded.variables])
