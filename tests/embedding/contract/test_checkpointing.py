"""What a checkpoint holds, and what restoring it does to a running engine."""

import numpy as np
import pytest
import tensorflow as tf

from embedding import TPUEmbedding, serving_embedding_lookup

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

every_optimizer = pytest.mark.parametrize(
    "make_optimizer",
    [tpu.SGD, tpu.Adagrad, tpu.AdagradMomentum, tpu.Adam, tpu.FTRL],
)


def batch_of(shop, replicas):
    return shop.distributed(replicas, lambda examples: shop.inputs("dense", examples))


def trained(shop, replicas, optimizer, host_count=3):
    """Returns an engine that did two steps."""
    engine = shop.engine(replicas, optimizer, host_count)
    step = shop.training_step(replicas, engine)
    for _ in range(2):
        step(batch_of(shop, replicas))
    return engine


def filled(shop, replicas, optimizer, host_count=3):
    """Returns an engine with a value of its own in every cell of tables and slots."""
    engine = shop.engine(replicas, optimizer, host_count)
    rng = np.random.default_rng(1)
    for config, parameters in engine.embedding_tables.items():
        for sharded in (parameters, *engine.slot_variables[config].values()):
            for part in sharded.variables:
                part.assign(rng.uniform(0.1, 1, part.shape))
    return engine


def save(engine, tmp_path):
    return tf.train.Checkpoint(model=engine).save(str(tmp_path / "step"))


def restore(engine, prefix):
    return tf.train.Checkpoint(model=engine).restore(prefix)


def of_tensorflow(shop, make_optimizer):
    """Returns TensorFlow's own class, which off a TPU keeps tables and slots."""
    engine = tpu.TPUEmbedding(shop.feature_config(), make_optimizer())
    engine.build()
    return engine


def state_of_tensorflow(engine):
    return {
        name: {slot: variable.numpy() for slot, variable in variables.items()}
        for name, variables in engine._variables.items()
    }


def test_checkpoint_holds_the_values_after_the_last_step(shop, replicas, tmp_path):
    engine = trained(shop, replicas, tpu.Adagrad(0.1))
    reader = tf.train.load_checkpoint(save(engine, tmp_path))
    for table, variables in shop.state(engine).items():
        assert np.any(variables["parameters"] != shop.initial(table))
        suffix = ".ATTRIBUTES/VARIABLE_VALUE"
        for key, slot in ((table, "parameters"), (f"{table}.Saccumulators", None)):
            expected = variables[slot or "accumulators"]
            got = reader.get_tensor(f"model/{key}/{suffix}")
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("optimizer", [tpu.Adagrad(0.1), tpu.Adam(0.1)])
def test_restore_brings_a_running_engine_back(shop, replicas, tmp_path, optimizer):
    engine = shop.engine(replicas, optimizer)
    step = shop.training_step(replicas, engine)
    step(batch_of(shop, replicas))
    saved = shop.state(engine)
    prefix = save(engine, tmp_path)
    step(batch_of(shop, replicas))
    after_two = shop.state(engine)
    restore(engine, prefix).assert_consumed()
    shop.assert_close(shop.state(engine), saved, 0)
    # The same function, traced before the restore, goes on from the restored values.
    step(batch_of(shop, replicas))
    shop.assert_close(shop.state(engine), after_two, 1e-6)


def test_lookups_after_a_restore_see_restored_rows(shop, oracle, replicas, tmp_path):
    fresh = shop.engine(replicas, tpu.SGD(0.1))
    prefix = save(fresh, tmp_path)
    engine = filled(shop, replicas, tpu.SGD(0.1))
    look_up = shop.look_up_step(replicas, engine)
    look_up(batch_of(shop, replicas))
    restore(engine, prefix)
    got = shop.gathered(replicas, look_up(batch_of(shop, replicas)))
    shop.assert_close(got, shop.expected_activations(oracle, "dense"), 1e-6)


@pytest.mark.parametrize("first", ["build", "enqueue", "embedding_tables"])
def test_restore_before_the_variables_exist_fills_them(shop, replicas, tmp_path, first):
    source = filled(shop, replicas, tpu.Adagrad(0.1))
    prefix = save(source, tmp_path)
    engine = shop.engine(None, tpu.Adagrad(0.1), host_count=2, batch_size=None)
    status = restore(engine, prefix)
    if first == "build":
        engine.build(shop.GLOBAL_BATCH)
    elif first == "enqueue":
        engine.enqueue(shop.inputs("dense"), training=False)
    shop.assert_close(shop.state(engine), shop.state(source), 0)
    status.assert_consumed()


def test_module_that_holds_the_engine_restores_it(shop, replicas, tmp_path):
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.embedding = shop.engine(replicas, tpu.Adam(0.1), batch_size=None)
            self.scale = tf.Variable(1.0)

    source, target = Model(), Model()
    source.embedding = filled(shop, replicas, tpu.Adam(0.1))
    source.scale.assign(2.0)
    prefix = tf.train.Checkpoint(test=source).save(str(tmp_path / "step"))
    tf.train.Checkpoint(test=target).restore(prefix)
    target.embedding.build(shop.BATCH)
    assert target.scale.numpy() == 2
    shop.assert_close(shop.state(target.embedding), shop.state(source.embedding), 0)


@every_optimizer
def test_names_are_those_of_tensorflows_class(shop, replicas, tmp_path, make_optimizer):
    ours = save(shop.engine(replicas, make_optimizer()), tmp_path / "ours")
    theirs = save(of_tensorflow(shop, make_optimizer), tmp_path / "theirs")
    assert tf.train.list_variables(ours) == tf.train.list_variables(theirs)


@every_optimizer
def test_tensorflows_class_restores_what_the_engine_saved(
    shop, replicas, tmp_path, make_optimizer
):
    source = filled(shop, replicas, make_optimizer())
    target = of_tensorflow(shop, make_optimizer)
    restore(target, save(source, tmp_path)).assert_consumed()
    shop.assert_close(state_of_tensorflow(target), shop.state(source), 0)


@every_optimizer
@pytest.mark.parametrize("host_count", [1, 3])
def test_engine_restores_what_tensorflows_class_saved(
    shop, replicas, tmp_path, make_optimizer, host_count
):
    source = of_tensorflow(shop, make_optimizer)
    rng = np.random.default_rng(1)
    for variables in source._variables.values():
        for variable in variables.values():
            variable.assign(rng.uniform(0.1, 1, variable.shape))
    target = shop.engine(replicas, make_optimizer(), host_count)
    restore(target, save(source, tmp_path)).assert_consumed()
    shop.assert_close(shop.state(target), state_of_tensorflow(source), 0)


def test_tables_without_slots_export_what_was_trained(shop, oracle, replicas, tmp_path):
    source = trained(shop, replicas, tpu.Adagrad(0.1))
    prefix = save(source, tmp_path)
    config = shop.feature_config()
    tables_only = TPUEmbedding(config)
    tables_only.build()
    restore(tables_only, prefix).expect_partial()
    assert all(not slots for slots in tables_only.slot_variables.values())

    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.embedding = tables_only

        @tf.function(
            input_signature=[
                {name: tf.TensorSpec([None], tf.int64) for name in shop.TABLE_OF}
            ]
        )
        def serve(self, ids):
            tables = self.embedding.embedding_tables
            return serving_embedding_lookup(ids, None, tables, config)

    served = Served()
    folder = str(tmp_path / "export")
    tf.saved_model.save(served, folder, {"serving_default": served.serve})
    loaded = tf.saved_model.load(folder).signatures["serving_default"]
    # A signature names the parts of the dict argument in the order of its keys.
    names = ("ids", "ids_1", "ids_2")
    values = (value for _, value in sorted(shop.inputs("dense").items()))
    got = loaded(**dict(zip(names, values, strict=True)))
    rule = oracle.Adagrad(0.1)
    trained_state = shop.expected_state(oracle, rule, "dense", steps=2)
    for name, lookup in shop.lookups(oracle, "dense").items():
        table = trained_state[shop.TABLE_OF[name]]["parameters"]
        np.testing.assert_allclose(
            got[name], lookup.activations(table), rtol=1e-5, atol=1e-6
        )
