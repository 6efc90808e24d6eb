"""What a checkpoint holds, and what restoring it does to a running engine."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding, serving_embedding_lookup

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

every_optimizer = pytest.mark.parametrize(
    "make_optimizer",
    [tpu.SGD, tpu.Adagrad, tpu.AdagradMomentum, tpu.Adam, tpu.FTRL],
)


def batch_of(replica_batch, replicas):
    return replica_batch.distributed(
        replicas, lambda examples: replica_batch.inputs("dense", examples)
    )


def trained(replica_batch, replicas, optimizer, host_count=3):
    """Returns an engine that did two steps."""
    engine = replica_batch.engine(replicas, optimizer, host_count)
    step = replica_batch.training_step(replicas, engine)
    for _ in range(2):
        step(batch_of(replica_batch, replicas))
    return engine


def filled(replica_batch, replicas, optimizer, host_count=3):
    """Returns an engine with a value of its own in every cell of tables and slots."""
    engine = replica_batch.engine(replicas, optimizer, host_count)
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


def of_tensorflow(replica_batch, make_optimizer):
    """Returns TensorFlow's own class, which off a TPU keeps tables and slots."""
    engine = tpu.TPUEmbedding(replica_batch.feature_config(), make_optimizer())
    engine.build()
    return engine


def state_of_tensorflow(engine):
    return {
        name: {slot: variable.numpy() for slot, variable in variables.items()}
        for name, variables in engine._variables.items()
    }


def test_checkpoint_holds_the_values_after_the_last_step(
    cases, replica_batch, replicas, tmp_path
):
    engine = trained(replica_batch, replicas, tpu.Adagrad(0.1))
    reader = tf.train.load_checkpoint(save(engine, tmp_path))
    for table, variables in cases.state(engine).items():
        assert np.any(variables["parameters"] != replica_batch.initial(table))
        suffix = ".ATTRIBUTES/VARIABLE_VALUE"
        for key, slot in ((table, "parameters"), (f"{table}.Saccumulators", None)):
            expected = variables[slot or "accumulators"]
            got = reader.get_tensor(f"model/{key}/{suffix}")
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("optimizer", [tpu.Adagrad(0.1), tpu.Adam(0.1)])
def test_restore_brings_a_running_engine_back(
    cases, replica_batch, replicas, tmp_path, optimizer
):
    engine = replica_batch.engine(replicas, optimizer)
    step = replica_batch.training_step(replicas, engine)
    step(batch_of(replica_batch, replicas))
    saved = cases.state(engine)
    prefix = save(engine, tmp_path)
    step(batch_of(replica_batch, replicas))
    after_two = cases.state(engine)
    restore(engine, prefix).assert_consumed()
    replica_batch.assert_close(cases.state(engine), saved, 0)
    # The same function, traced before the restore, goes on from the restored values.
    step(batch_of(replica_batch, replicas))
    replica_batch.assert_close(cases.state(engine), after_two, 1e-6)


def test_lookups_after_a_restore_see_restored_rows(
    replica_batch, oracle, replicas, tmp_path
):
    fresh = replica_batch.engine(replicas, tpu.SGD(0.1))
    prefix = save(fresh, tmp_path)
    engine = filled(replica_batch, replicas, tpu.SGD(0.1))
    look_up = replica_batch.look_up_step(replicas, engine)
    look_up(batch_of(replica_batch, replicas))
    restore(engine, prefix)
    got = replica_batch.gathered(replicas, look_up(batch_of(replica_batch, replicas)))
    replica_batch.assert_close(
        got, replica_batch.expected_activations(oracle, "dense"), 1e-6
    )


@pytest.mark.parametrize("first", ["build", "enqueue", "embedding_tables"])
def test_restore_before_the_variables_exist_fills_them(
    cases, replica_batch, replicas, tmp_path, first
):
    source = filled(replica_batch, replicas, tpu.Adagrad(0.1))
    prefix = save(source, tmp_path)
    engine = replica_batch.engine(None, tpu.Adagrad(0.1), host_count=2, batch_size=None)
    status = restore(engine, prefix)
    if first == "build":
        engine.build(replica_batch.GLOBAL_BATCH)
    elif first == "enqueue":
        engine.enqueue(replica_batch.inputs("dense"), training=False)
    replica_batch.assert_close(cases.state(engine), cases.state(source), 0)
    status.assert_consumed()


def test_module_that_holds_the_engine_restores_it(
    cases, replica_batch, replicas, tmp_path
):
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.embedding = replica_batch.engine(
                replicas, tpu.Adam(0.1), batch_size=None
            )
            self.scale = tf.Variable(1.0)

    source, target = Model(), Model()
    source.embedding = filled(replica_batch, replicas, tpu.Adam(0.1))
    source.scale.assign(2.0)
    prefix = tf.train.Checkpoint(test=source).save(str(tmp_path / "step"))
    tf.train.Checkpoint(test=target).restore(prefix)
    target.embedding.build(replica_batch.BATCH)
    assert target.scale.numpy() == 2
    replica_batch.assert_close(
        cases.state(target.embedding), cases.state(source.embedding), 0
    )


@every_optimizer
def test_names_are_those_of_tensorflows_class(
    replica_batch, replicas, tmp_path, make_optimizer
):
    ours = save(replica_batch.engine(replicas, make_optimizer()), tmp_path / "ours")
    theirs = save(of_tensorflow(replica_batch, make_optimizer), tmp_path / "theirs")
    assert tf.train.list_variables(ours) == tf.train.list_variables(theirs)


@every_optimizer
def test_tensorflows_class_restores_what_the_engine_saved(
    cases, replica_batch, replicas, tmp_path, make_optimizer
):
    source = filled(replica_batch, replicas, make_optimizer())
    target = of_tensorflow(replica_batch, make_optimizer)
    restore(target, save(source, tmp_path)).assert_consumed()
    replica_batch.assert_close(state_of_tensorflow(target), cases.state(source), 0)


@every_optimizer
@pytest.mark.parametrize("host_count", [1, 3])
def test_engine_restores_what_tensorflows_class_saved(
    cases, replica_batch, replicas, tmp_path, make_optimizer, host_count
):
    source = of_tensorflow(replica_batch, make_optimizer)
    rng = np.random.default_rng(1)
    for variables in source._variables.values():
        for variable in variables.values():
            variable.assign(rng.uniform(0.1, 1, variable.shape))
    target = replica_batch.engine(replicas, make_optimizer(), host_count)
    restore(target, save(source, tmp_path)).assert_consumed()
    replica_batch.assert_close(cases.state(target), state_of_tensorflow(source), 0)


def test_tables_without_slots_export_what_was_trained(
    replica_batch, oracle, replicas, tmp_path
):
    source = trained(replica_batch, replicas, tpu.Adagrad(0.1))
    prefix = save(source, tmp_path)
    config = replica_batch.feature_config()
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
                {
                    name: tf.TensorSpec([None], tf.int64)
                    for name in replica_batch.TABLE_OF
                }
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
    values = (value for _, value in sorted(replica_batch.inputs("dense").items()))
    got = loaded(**dict(zip(names, values, strict=True)))
    rule = oracle.Adagrad(0.1)
    trained_state = replica_batch.expected_state(oracle, rule, "dense", steps=2)
    for name, lookup in replica_batch.lookups(oracle, "dense").items():
        table = trained_state[replica_batch.TABLE_OF[name]]["parameters"]
        np.testing.assert_allclose(
            got[name], lookup.activations(table), rtol=1e-5, atol=1e-6
        )
