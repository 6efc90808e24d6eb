"""Serving answers what training answered, from stock TensorFlow alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import serving_embedding_lookup

tpu = tf.tpu.experimental.embedding

# Loads a SavedModel as a server does: without this project on the path.
CLIENT = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["serving_default"](
    clicks=tf.constant([1, 10], tf.int64),
    values=tf.constant([3, 4, 4], tf.int64),
    splits=tf.constant([0, 3, 3], tf.int64),
)
assert "embedding" not in sys.modules
print(json.dumps({name: value.numpy().tolist() for name, value in answer.items()}))
"""


def engine_of(cases, case, host_count):
    """Builds a trained-looking engine of the two features of `pair`."""
    features = cases.pair(case)
    return features, cases.start(features, None, host_count, cases.BATCH)


def answers(engine, features, ids, weights):
    """Returns the activations of the engine and of serving."""
    engine.enqueue(ids, weights, training=False)
    served = serving_embedding_lookup(ids, weights, engine.embedding_tables, features)
    return engine.dequeue(), served


@pytest.mark.parametrize("host_count", [1, 3])
def test_serving_equals_the_engine(cases, case, host_count):
    features, engine = engine_of(cases, case, host_count)
    for batch in cases.batches(case, steps=2):
        trained, served = answers(engine, features, *cases.inputs(case, batch))
        assert served.keys() == trained.keys()
        for name, value in served.items():
            if host_count == 1:
                np.testing.assert_array_equal(value, trained[name])
            np.testing.assert_allclose(value, trained[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("dim", [1, 64])
@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
def test_serving_equals_the_engine_on_long_rows(cases, combiner, dim):
    """Many ids in an example and many columns: sums in the same order."""
    features = {"clicks": cases.feature(cases.table(combiner, rows=200, dim=dim))}
    engine = cases.start(features, None, host_count=1, batch_size=64)
    rng = np.random.default_rng(1)
    sizes = rng.integers(0, 200, 64)
    rows = [rng.integers(0, 200, size).tolist() for size in sizes]
    weights = [rng.uniform(0.1, 3, size).tolist() for size in sizes]
    trained, served = answers(
        engine,
        features,
        {"clicks": cases.tensor("ragged", rows, tf.int64)},
        {"clicks": cases.tensor("ragged", weights, tf.float32)},
    )
    np.testing.assert_array_equal(served["clicks"], trained["clicks"])


def test_serving_matches_reference(oracle, cases, case):
    features = cases.pair(case)
    (batch,) = cases.batches(case, steps=1)
    tables = {features["left"].table: tf.Variable(cases.values())}
    served = serving_embedding_lookup(*cases.inputs(case, batch), tables, features)
    for name, item in batch.items():
        lookup = oracle.Lookup(item.ids, case.combiner, item.weights, case.length)
        expected = lookup.activations(cases.values())
        np.testing.assert_allclose(served[name], expected, rtol=0, atol=1e-5)


def test_serving_matches_tensorflows_own(cases, case):
    if case.weighted and case.kind == "sparse" and case.combiner != "sum":
        pytest.skip("TensorFlow's own drops sparse ids whose weight is not positive")
    features = cases.pair(case)
    (batch,) = cases.batches(case, steps=1)
    arguments = cases.inputs(case, batch)
    tables = {features["left"].table: tf.Variable(cases.values())}
    served = serving_embedding_lookup(*arguments, tables, features)
    theirs = tpu.serving_embedding_lookup(*arguments, tables, features)
    for name, value in served.items():
        np.testing.assert_allclose(value, theirs[name], rtol=0, atol=1e-5)


def test_unknown_batch_size_is_answered(cases, case):
    features, engine = engine_of(cases, case, host_count=1)

    def serve(ids, weights):
        return serving_embedding_lookup(ids, weights, engine.embedding_tables, features)

    first, second = (
        cases.inputs(case, batch) for batch in cases.batches(case, steps=2)
    )
    traced = tf.function(serve, autograph=False).get_concrete_function(
        *(cases.specs(nest, batch_size=None) for nest in first)
    )
    length = [case.length] if case.length else []
    assert traced.structured_outputs["left"].shape[1:] == [*length, cases.DIM]
    for arguments in (first, second):
        eager = serve(*arguments)
        for name, value in traced(*arguments).items():
            np.testing.assert_allclose(value, eager[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["dense", "sparse", "ragged"])
@pytest.mark.parametrize("rows", [[], [[3]], [[3]] * 7])
def test_batch_of_any_size_is_answered(cases, kind, rows):
    features = {"clicks": cases.feature(cases.table())}
    engine = cases.start(features, None)
    served = serving_embedding_lookup(
        {"clicks": cases.tensor(kind, rows, tf.int64)},
        None,
        engine.embedding_tables,
        features,
    )
    expected = cases.values()[[row[0] for row in rows]]
    np.testing.assert_array_equal(served["clicks"], expected.reshape(-1, 3))


@pytest.mark.parametrize("row", [-1, 11, 2**31 + 5, 2**40])
@pytest.mark.parametrize("kind", ["dense", "sparse", "ragged"])
def test_id_outside_its_table_is_refused(cases, kind, row, compiled):
    features = {"clicks": cases.feature(cases.table())}
    tables = {features["clicks"].table: tf.Variable(cases.values())}

    def serve(ids):
        return serving_embedding_lookup(ids, None, tables, features)

    ids = {"clicks": cases.tensor(kind, [[1], [row]], tf.int64)}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"items.*\[0, 11\)"):
        cases.called(serve, compiled, ids)


@pytest.mark.parametrize(
    ("kind", "length", "weights", "message"),
    [
        ("dense", 0, "dense", "Weight specified for dense input.*clicks"),
        ("sparse", 0, "ragged", "clicks.*does not match type"),
        ("ragged", 2, "ragged", "Weight.*clicks.*sequence feature"),
        ("dense", 2, None, "clicks.*is a sequence feature but a dense tensor"),
    ],
)
def test_unfit_inputs_are_refused(cases, kind, length, weights, message):
    features = {"clicks": cases.feature(cases.table(), length)}
    tables = {features["clicks"].table: tf.Variable(cases.values())}
    if weights is not None:
        weights = {"clicks": cases.tensor(weights, [[1.0], [1.0]], tf.float32)}
    ids = {"clicks": cases.tensor(kind, [[1], [2]], tf.int64)}
    with pytest.raises(ValueError, match=message):
        serving_embedding_lookup(ids, weights, tables, features)


def test_inputs_that_are_no_features_are_refused(cases, config):
    tables = {config["clicks"].table: tf.Variable(cases.values())}
    with pytest.raises(ValueError, match=r"not a subset.*views.*clicks"):
        serving_embedding_lookup({"views": tf.constant([1])}, None, tables, config)


def served_model(features, tables):
    """Returns a model of a dense and a ragged feature that takes flat tensors."""
    model = tf.Module()
    # Without an owner the variables would not be saved.
    model.tables = list(tables.values())

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int64, name)
            for name in ("clicks", "values", "splits")
        ]
    )
    def serve(clicks, values, splits):
        history = tf.RaggedTensor.from_row_splits(values, splits)
        ids = {"clicks": clicks, "history": history}
        return serving_embedding_lookup(ids, None, tables, features)

    model.serve = serve
    return model


@pytest.fixture
def features(cases):
    table = cases.table("sqrtn")
    return {"clicks": cases.feature(table), "history": cases.feature(table, length=2)}


def expected_answer(cases):
    rows = cases.values()
    zero = np.zeros(cases.DIM)
    return {
        "clicks": rows[[1, 10]],
        "history": [[rows[3], rows[4]], [zero, zero]],
    }


def export(model, path):
    tf.saved_model.save(model, path, signatures={"serving_default": model.serve})


def test_saved_model_answers_without_this_project(cases, features, tmp_path):
    """Tables of three hosts, and a server with one CPU device."""
    engine = cases.start(features, None, host_count=3)
    export(served_model(features, engine.embedding_tables), str(tmp_path / "model"))
    result = subprocess.run(
        [sys.executable, "-c", CLIENT, str(tmp_path / "model")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout.splitlines()[-1])
    for name, value in expected_answer(cases).items():
        np.testing.assert_allclose(answer[name], value, rtol=0, atol=1e-6)


def test_saved_model_holds_no_op_bound_to_this_process(cases, features, tmp_path):
    tables = {features["clicks"].table: tf.Variable(cases.values())}
    export(served_model(features, tables), str(tmp_path / "model"))
    # The public loader hides the graph; the file is a SavedModel message.
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((tmp_path / "model/saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    stock = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    types = {node.op for node in nodes}
    functions = {function.signature.name for function in graph.library.function}
    assert types - stock - functions == set()
    assert not {name for name in types if "PyFunc" in name or "Queue" in name}
    # No logical host of this process: a server has one CPU device.
    devices = {node.device.split("/")[-1] for node in nodes}
    assert devices <= {"", "device:CPU:0", "device:CPU:*"}


@pytest.mark.parametrize("host_count", [1, 3])
@pytest.mark.parametrize("optimizer", [None, tpu.Adagrad(0.1)])
def test_saved_model_that_holds_the_engine_answers(
    cases, features, tmp_path, optimizer, host_count
):
    engine = cases.start(features, optimizer, host_count)
    served = served_model(features, engine.embedding_tables)
    served.embedding = engine
    export(served, str(tmp_path / "model"))
    model = tf.saved_model.load(str(tmp_path / "model"))
    answer = model.signatures["serving_default"](
        clicks=tf.constant([1, 10], tf.int64),
        values=tf.constant([3, 4, 4], tf.int64),
        splits=tf.constant([0, 3, 3], tf.int64),
    )
    for name, value in expected_answer(cases).items():
        np.testing.assert_allclose(answer[name], value, rtol=0, atol=1e-6)


def test_tables_of_equal_configurations_are_refused(cases):
    mine, theirs = (cases.feature(cases.table()) for _ in range(2))
    tables = {theirs.table: tf.Variable(cases.values())}
    with pytest.raises(ValueError, match=r"\['items'\].*not by equal ones"):
        serving_embedding_lookup(tf.constant([1]), None, tables, mine)
