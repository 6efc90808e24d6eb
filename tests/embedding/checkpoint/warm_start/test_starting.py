"""Rows move as the definition says: random maps, hosts and optimizers."""

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.checkpoint import pieces
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.warm_start.errors import WarmStartError
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.row_map import (
    Copies,
    Means,
    RowMap,
    same_rows,
)
from shardline.embedding.checkpoint.warm_start.set_source import SetSource
from shardline.embedding.checkpoint.warm_start.starting import warm_start

tables = load("embedding/checkpoint/warm_start/tables.py")


@pytest.fixture
def small_slices(monkeypatch):
    """Makes a table of some hundred rows lie in many slices."""
    monkeypatch.setattr(pieces, "SLICE_BYTES", 16 * 16)


def map_of(random, rows, source_rows, with_mean):
    """Draws a map: stretches that stay together, and rows from anywhere."""
    sources = np.full(rows, -1, np.int64)
    count = int(random.integers(0, min(rows, source_rows) + 1))
    if random.random() < 0.5:  # A vocabulary that lives: rows stay, some go.
        kept = random.permutation(min(rows, source_rows))[:count]
        sources[kept] = kept
    else:
        rows_there = random.permutation(rows)[:count]
        sources[rows_there] = random.permutation(source_rows)[:count]
    fresh = random.permutation(np.flatnonzero(sources < 0))
    third = len(fresh) // 3
    copied, averaged = fresh[:third], fresh[third : 2 * third]
    moving = np.flatnonzero(sources >= 0)
    if not with_mean or not len(moving):
        averaged, moving = averaged[:0], moving[:0]
    copies = Copies(copied, random.integers(0, source_rows, len(copied)))
    return RowMap(sources, copies, Means(averaged, moving))


def draw(random):
    """Draws tables of a checkpoint, and of an engine that begins with it."""
    held, wanted = {}, {}
    for name in random.permutation(["user", "item", "a/b"])[: random.integers(1, 4)]:
        optimizer = str(random.choice(list(tables.OPTIMIZERS)))
        dim = int(random.choice([1, 3, 4]))
        held[str(name)] = int(random.integers(1, 150)), dim, optimizer
        wider = dim + int(random.choice([0, 0, 2]))
        wanted[str(name)] = int(random.integers(1, 200)), wider, optimizer
    return held, wanted


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("seed", range(24))
def test_random_vocabularies_on_random_hosts(tmp_path, seed):
    random = np.random.default_rng(seed)
    held, wanted = draw(random)
    saved = tables.engine_of(held, int(random.integers(1, 4)))
    tables.fill(saved, seed)
    prefix = tables.write(saved, tmp_path / "checkpoint")
    engine = tables.engine_of(wanted, int(random.integers(1, 4)))
    fresh = tables.content(engine)
    maps = {
        name: map_of(random, wanted[name][0], held[name][0], with_mean=False)
        for name in wanted
    }

    begun = warm_start(engine, ObjectSource(prefix, list(wanted)), maps)

    before, after = tables.content(saved), tables.content(engine)
    for name, row_map in maps.items():
        oracle = tables.expected(before[name], fresh[name], row_map)
        tables.assert_same(after[name], oracle, name)
        told = begun.tables[name]
        assert told.moved == (row_map.sources >= 0).sum()
        assert told.moved + told.copied + told.averaged + told.fresh == wanted[name][0]
        assert told.new_columns == wanted[name][1] - held[name][1]


@pytest.mark.parametrize("hosts", [1, 2, 3])
@pytest.mark.parametrize("new_columns", [0, 2])
def test_fresh_rows_begin_with_the_mean_of_others(tmp_path, hosts, new_columns):
    random = np.random.default_rng(hosts)
    saved = tables.engine_of({"item": (500, 4, "adagrad")}, 2)
    for part in saved._variables["item"]["parameters"].variables:
        part.assign(random.normal(size=part.shape))
    prefix = tables.write(saved, tmp_path / "checkpoint")
    engine = tables.engine_of({"item": (600, 4 + new_columns, "adagrad")}, hosts)
    fresh = tables.content(engine)["item"]
    sources = np.full(600, -1)
    sources[10:480] = random.permutation(470)
    of = np.sort(random.permutation(np.arange(10, 480))[:300])
    row_map = RowMap(sources, means=Means(np.array([599, 3, 481]), of))

    begun = warm_start(engine, ObjectSource(prefix, ["item"]), {"item": row_map})

    oracle = tables.expected(tables.content(saved)["item"], fresh, row_map)
    tables.assert_same(tables.content(engine)["item"], oracle)
    assert begun.tables["item"].averaged == 3
    assert begun.tables["item"].fresh == 600 - 470 - 3


@pytest.mark.usefixtures("native_kernels")
@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("step", [1, 2, 4])
def test_from_every_set_of_a_chain(tmp_path, hosts, step):
    training = load("embedding/checkpoint/sets/training.py")
    small = training.SmallTraining(2)
    contents = {}
    with SetSaver(tmp_path, small.engine, lineage={}) as saver:
        for _ in range(step):
            small.train()
            contents = tables.content(small.engine)
            saver.save(small.step, small.variables, {})
            saver.wait()
    folder = SetFolder(tmp_path)
    assert folder.sets()[-1].manifest.kind == ("full" if step == 1 else "differential")
    random = np.random.default_rng(step)
    engine = training.SmallTraining(hosts).engine
    fresh = tables.content(engine)
    maps = {
        "wide": map_of(random, 2000, 2000, with_mean=True),
        "small": map_of(random, 57, 57, with_mean=True),
    }

    begun = warm_start(engine, SetSource(folder, folder.sets()[-1]), maps)

    after = tables.content(engine)
    for name, row_map in maps.items():
        oracle = tables.expected(contents[name], fresh[name], row_map)
        tables.assert_same(after[name], oracle, name)
    tables.assert_same(after["one/row"], fresh["one/row"])
    assert (begun.fresh, begun.left) == (["one/row"], ["one/row"])


@pytest.mark.usefixtures("native_kernels")
def test_all_rows_count_as_touched_afterwards(tmp_path):
    wanted = {"item": (40, 3, "adam")}
    prefix = tables.write(tables.engine_of(wanted, 1), tmp_path / "checkpoint")
    engine = tables.engine_of(wanted, 2)
    engine.forget_touched_rows()
    assert engine.touched_rows() == {"item": 0}

    warm_start(engine, ObjectSource(prefix, ["item"]), {"item": same_rows(40, 40)})

    assert engine.touched_rows() == {"item": 40}


def test_training_goes_on_with_what_was_moved(tmp_path):
    wanted = {"item": (40, 3, "adagrad")}
    saved, engine = tables.engine_of(wanted, 2), tables.engine_of(wanted, 3)
    tables.fill(saved, 1)
    prefix = tables.write(saved, tmp_path / "checkpoint")
    warm_start(engine, ObjectSource(prefix, ["item"]), {"item": same_rows(40, 40)})

    for trained in (saved, engine):
        trained.enqueue([tf.constant([5, 30])], training=True)
        trained.dequeue()
        trained.apply_gradients([tf.ones([2, 3])])

    tables.assert_same(tables.content(engine)["item"], tables.content(saved)["item"])


HELD = {"item": (9, 4, "adagrad"), "user": (5, 4, "sgd")}
FAULTS = {
    "narrowed": ({"item": (9, 3, "adagrad")}, r"'item' has 3 columns, and 4 in .*"),
    "optimizer": (
        {"item": (9, 4, "adam")},
        r"'item' has the slots momenta, velocities, and accumulators in .*of another",
    ),
    "sgd_before": ({"user": (5, 4, "adagrad")}, r"'user' has the slots accumulators, "),
    "sgd_now": ({"item": (9, 4, "sgd")}, r"'item' has the slots none, and accum"),
    "unknown": (
        {"other": (9, 4, "sgd"), "user": (5, 4, "sgd")},
        r"'other' is not in the checkpoint .*",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_and_nothing_is_read(tmp_path, fault):
    wanted, message = FAULTS[fault]
    prefix = tables.write(tables.engine_of(HELD, 2), tmp_path / "checkpoint")
    engine = tables.engine_of(wanted, 1)
    before = tables.content(engine)
    maps = {name: same_rows(table[0], table[0]) for name, table in wanted.items()}

    with pytest.raises(WarmStartError, match=message):
        warm_start(engine, ObjectSource(prefix, list(wanted)), maps)

    for name, values in tables.content(engine).items():
        tables.assert_same(values, before[name])


def test_map_of_a_table_that_the_engine_lacks_is_named(tmp_path):
    prefix = tables.write(tables.engine_of(HELD, 2), tmp_path / "checkpoint")
    engine = tables.engine_of({"item": (9, 4, "adagrad")}, 1)
    with pytest.raises(WarmStartError, match="'user' is not in the engine"):
        warm_start(engine, ObjectSource(prefix, ["item"]), {"user": same_rows(5, 5)})


def test_an_engine_without_tables_is_refused(tmp_path):
    prefix = tables.write(tables.engine_of(HELD, 2), tmp_path / "checkpoint")
    config = tf.tpu.experimental.embedding.TableConfig(9, 4, name="item")
    feature = tf.tpu.experimental.embedding.FeatureConfig(config)
    engine = tables.TPUEmbedding([feature], tables.OPTIMIZERS["sgd"]())
    with pytest.raises(WarmStartError, match="not built"):
        warm_start(engine, ObjectSource(prefix, ["item"]), {})
