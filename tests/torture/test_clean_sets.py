"""Clean sets raise no alarm, whatever the shapes of what is in them."""

import collections
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.restore import restore_newest
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.sets.verify import verify_set

scale = load("torture/scale.py")

SEED = 15
SETS_OF_TRAINING = 40
BATCH = 5

pytestmark = pytest.mark.slow
tpu = tf.tpu.experimental.embedding

OPTIMIZERS = (
    lambda: tpu.SGD(0.1),
    lambda: tpu.Adagrad(0.1),
    lambda: tpu.Adam(0.1),
    lambda: tpu.FTRL(0.1),
    lambda: tpu.AdagradMomentum(0.1),
)
DTYPES = (tf.float32, tf.float16, tf.float64, tf.int32, tf.int64, tf.bool, tf.string)


def random_engine(chance: np.random.Generator) -> TPUEmbedding:
    """One to four tables, of 1 to 3,000 rows, on one to three hosts."""
    features = {}
    for number in range(chance.integers(1, 5)):
        table = tpu.TableConfig(
            int(np.exp(chance.uniform(0, 8))),
            int(np.exp(chance.uniform(0, 5))),
            name=f"table {number}" if number else "table/with.a_name-",
            optimizer=OPTIMIZERS[chance.integers(len(OPTIMIZERS))](),
        )
        features[table.name] = tpu.FeatureConfig(table)
    hosts = [f"/CPU:{host}" for host in range(chance.integers(1, 4))]
    engine = TPUEmbedding(features, hosts=hosts)
    engine.build(BATCH)
    return engine


def random_variables(chance: np.random.Generator) -> dict[str, tf.Variable]:
    """Up to five variables of any dtype, of rank 0 to 3, empty ones among them."""
    variables = {}
    for number in range(chance.integers(0, 6)):
        shape = chance.integers(0, 5, size=chance.integers(0, 4))
        value = tf.constant(chance.normal(size=shape))
        dtype = DTYPES[chance.integers(len(DTYPES))]
        value = tf.strings.as_string(value) if dtype == tf.string else value
        variables[f"variable/{number}"] = tf.Variable(tf.cast(value, dtype))
    return variables


def touch(engine: TPUEmbedding, chance: np.random.Generator) -> None:
    """Trains some rows of some tables."""
    ids = {}
    for table in engine.embedding_tables:
        rows = table.vocabulary_size
        ids[table.name] = tf.constant(chance.integers(0, rows, BATCH))
    engine.enqueue(ids)
    activations = engine.dequeue()
    engine.apply_gradients({name: 0.1 * a + 0.01 for name, a in activations.items()})


def values(engine: TPUEmbedding, variables: dict[str, tf.Variable]) -> list[Any]:
    """Everything that a set holds: numbers as bytes, text as it is."""
    found = [variable.numpy() for variable in variables.values()]
    for table, parameters in engine.embedding_tables.items():
        for variable in (parameters, *engine.slot_variables[table].values()):
            found += [shard.numpy() for shard in variable.variables]
    arrays = [np.asarray(value) for value in found]
    return [
        array.tolist() if array.dtype == object else array.tobytes() for array in arrays
    ]


@pytest.mark.timeout(7200)
def test_no_clean_set_raises_an_alarm(tmp_path: Path) -> None:
    counts: collections.Counter[str] = collections.Counter()
    alarms: list[Any] = []

    def alarm(name: str, why: str) -> None:
        alarms.append((name, why))

    for training in range(scale.of(1600, least=80) // SETS_OF_TRAINING):
        chance = np.random.default_rng([SEED, training])
        engine, variables = random_engine(chance), random_variables(chance)
        folder = SetFolder(tmp_path / str(training))
        with SetSaver(folder.path, engine, lineage={"of": str(training)}) as saver:
            for step in range(SETS_OF_TRAINING):
                if step % 7 != 3:  # a set may hold nothing new
                    touch(engine, chance)
                saver.save(step, variables, {"step": step, "text": "ü \n"})
                saver.wait()
                counts[f"{saver.newest.manifest.kind} sets"] += 1
                alarms += verify_set(saver.newest)
        before = values(engine, variables)
        restored = restore_newest(
            folder,
            engine,
            variables,
            lineage={"of": str(training)},
            on_damaged=alarm,
        )
        assert restored.step == SETS_OF_TRAINING - 1
        assert restored.state == {"step": restored.step, "text": "ü \n"}
        assert values(engine, variables) == before
        counts["trainings"] += 1

    scale.tell("clean sets", counts)
    assert alarms == []
