"""What a SavedModel makes of tables on several hosts: their numbers, or a refusal."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import serving_embedding_lookup
from shardline.embedding.serving.keras_layer import EmbeddingLookup

tpu = tf.tpu.experimental.embedding

QUANTIZED = tpu.QuantizationConfig(9, -0.7, 1.1)
SPEC = tf.TensorSpec([None], tf.int64, "ids")
IDS = [10, 0, 4]
REFUSAL = (
    r"one of the 3 hosts' rows of 'items'.*traced before the save.*"
    r"Save the tf\.function itself, with an input_signature"
)


@pytest.fixture(params=[False, True], ids=["plain", "quantized"])
def config(request, cases):
    options = {"quantization_config": QUANTIZED} if request.param else {}
    return {"clicks": cases.feature(cases.table(**options))}


@pytest.fixture
def engine(cases, config):
    return cases.start(config, tpu.Adagrad(0.1), 3, len(IDS))


@pytest.fixture
def serve(engine, config):
    """Looks ids up; not yet traced."""

    @tf.function(input_signature=[SPEC])
    def serve(ids):
        tables = engine.embedding_tables
        return serving_embedding_lookup({"clicks": ids}, None, tables, config)["clicks"]

    return serve


def holder(**attributes):
    module = tf.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


def saved(module, folder, signatures=None):
    """Returns what the signature of a saved module answers."""
    tf.saved_model.save(module, str(folder), signatures=signatures)
    loaded = tf.saved_model.load(str(folder))
    if signatures is None:
        return loaded.serve(tf.constant(IDS, tf.int64))
    signature = loaded.signatures["serving_default"]
    (answer,) = signature(ids=tf.constant(IDS, tf.int64)).values()
    return answer


def test_functions_traced_before_the_save_are_traced_anew(engine, serve, tmp_path):
    expected = serve(tf.constant(IDS, tf.int64))
    for number, (attributes, signatures) in enumerate(
        [
            ({"engine": engine}, serve),
            ({"tables": list(engine.embedding_tables.values())}, serve),
            ({"engine": engine, "serve": serve}, None),
        ]
    ):
        folder = tmp_path / str(number)
        answer = saved(holder(**attributes), folder, signatures)
        np.testing.assert_array_equal(answer, expected)
    # The engine itself, and its tables in the process that saved them.
    np.testing.assert_array_equal(saved(engine, tmp_path / "own", serve), expected)
    np.testing.assert_array_equal(serve(tf.constant(IDS, tf.int64)), expected)


def test_concrete_functions_are_refused(engine, serve, tmp_path):
    concrete = serve.get_concrete_function()
    around = tf.function(lambda ids: concrete(ids), input_signature=[SPEC])
    for module, signatures in (
        (engine, concrete),
        (holder(tables=list(engine.embedding_tables.values())), concrete),
        (holder(engine=engine, serve=concrete), None),
        (holder(engine=engine), around),
    ):
        with pytest.raises(AssertionError, match=REFUSAL):
            saved(module, tmp_path / "model", signatures)


def test_functions_of_parts_are_refused(engine, tmp_path):
    """However late they are traced."""
    (table,) = engine.embedding_tables.values()
    parts = list(table.variables)
    for whole in (lambda: tf.concat(parts, axis=0), lambda: table[:]):
        serve = tf.function(
            lambda ids, whole=whole: tf.gather(whole(), ids), input_signature=[SPEC]
        )
        with pytest.raises(AssertionError, match="or takes the table's parts itself"):
            saved(engine, tmp_path / "model", serve)


def test_concrete_functions_of_slots_are_refused(engine, tmp_path):
    (slots,) = engine.slot_variables.values()
    concrete = tf.function(
        lambda ids: tf.nn.embedding_lookup(slots["accumulators"].variables, ids),
        input_signature=[SPEC],
    ).get_concrete_function()
    with pytest.raises(AssertionError, match="3 hosts' rows of 'items/accumulators'"):
        saved(engine, tmp_path / "model", concrete)


def test_concrete_functions_of_one_host_answer(cases, config, tmp_path):
    engine = cases.start(config, None, 1, len(IDS))

    def look_up(ids):
        tables = engine.embedding_tables
        return serving_embedding_lookup({"clicks": ids}, None, tables, config)["clicks"]

    concrete = tf.function(look_up).get_concrete_function(SPEC)
    answer = saved(engine, tmp_path / "model", concrete)
    np.testing.assert_array_equal(answer, look_up(tf.constant(IDS, tf.int64)))


def test_keras_model_answers_whenever_it_was_traced(engine, config, serve, tmp_path):
    layer = EmbeddingLookup(config)
    layer.assign_tables(engine.embedding_tables)
    ids = {"clicks": keras.Input((), dtype="int64", name="clicks")}
    model = keras.Model(ids, layer(ids)["clicks"])
    traced = tf.function(lambda ids: model({"clicks": ids}), input_signature=[SPEC])
    answer = saved(model, tmp_path / "model", traced.get_concrete_function())
    np.testing.assert_array_equal(answer, serve(tf.constant(IDS, tf.int64)))


def test_subclassed_keras_model_needs_the_type_of_its_inputs(
    engine, config, serve, tmp_path
):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.lookup = EmbeddingLookup(config)
            self.lookup.assign_tables(engine.embedding_tables)

        def call(self, ids):
            return self.lookup({"clicks": ids})["clicks"]

    class Typed(Model):
        input_dtype = "int64"

    ids = tf.constant(IDS, tf.int64)
    model, typed = Model(), Typed()
    np.testing.assert_array_equal(model(ids), typed(ids))
    with pytest.raises(ValueError, match=r"'clicks'.*float32.*input_dtype = 'int64'"):
        tf.saved_model.save(model, str(tmp_path / "model"))
    for number, save in enumerate(
        (lambda folder: tf.saved_model.save(typed, folder), typed.export)
    ):
        folder = str(tmp_path / str(number))
        save(folder)
        loaded = tf.saved_model.load(folder)
        (answer,) = loaded.signatures["serving_default"](ids).values()
        np.testing.assert_array_equal(answer, serve(ids))


@pytest.mark.parametrize("hosts", [1, 3])
def test_training_step_is_refused_in_words(cases, config, kernels, hosts, tmp_path):
    engine = cases.start(config, tpu.Adagrad(0.1), hosts, len(IDS))

    @tf.function
    def train(ids):
        engine.enqueue({"clicks": ids})
        engine.dequeue()
        engine.apply_gradients({"clicks": tf.ones([len(IDS), cases.DIM])})

    train(tf.constant(IDS, tf.int64))
    before = cases.parameters(engine)
    with pytest.raises(ValueError, match=r"'items': a function that trains .* engine"):
        saved(holder(engine=engine, train=train), tmp_path / "model")
    # The engine trains on.
    train(tf.constant(IDS, tf.int64))
    assert (cases.parameters(engine) < before).all(axis=1).sum() == len(IDS)
