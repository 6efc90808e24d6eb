"""Checkpoints of other tables than the engine's: what differs is named."""

import re

import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.compatibility import check_compatible
from shardline.embedding.checkpoint.host_files import host_sharded_options

tpu = tf.tpu.experimental.embedding


def named(cases, optimizer=None, **tables):
    """Returns an unbuilt engine with a table of each name and [rows, dim]."""
    config = {
        name: cases.feature(cases.table(name=name, rows=rows, dim=dim))
        for name, (rows, dim) in tables.items()
    }
    return TPUEmbedding(config, optimizer, hosts=cases.hosts(2))


SAVED = {"items": (11, 3), "user": (7, 2)}
MISFITS = [
    (tpu.SGD, SAVED | {"brand": (5, 2)}, tpu.SGD, ["table 'brand' is missing"]),
    (tpu.SGD, {"items": (11, 3)}, tpu.SGD, ["table 'user' is unknown to the engine"]),
    (
        tpu.SGD,
        {"items": (11, 3), "users": (7, 2)},
        tpu.SGD,
        ["table 'user' is unknown", "table 'users' is missing"],
    ),
    (
        tpu.SGD,
        SAVED | {"items": (12, 3)},
        tpu.SGD,
        [r"table 'items' has the shape \[11, 3\] in the checkpoint, \[12, 3\] in the"],
    ),
    (
        tpu.SGD,
        SAVED | {"items": (11, 4)},
        tpu.SGD,
        [r"table 'items' has the shape \[11, 3\] in the checkpoint, \[11, 4\] in the"],
    ),
    (
        tpu.SGD,
        SAVED,
        tpu.Adagrad,
        ["slot 'items/accumulators' is missing", "slot 'user/accumulators' is missing"],
    ),
    (tpu.Adagrad, SAVED, tpu.SGD, ["slot 'items/accumulators' is unknown"]),
    (
        tpu.Adam,
        SAVED,
        tpu.FTRL,
        ["slot 'items/linears' is missing", "slot 'items/momenta' is unknown"],
    ),
    (tpu.SGD, {"a": (1, 1)}, tpu.SGD, ["table 'a' is missing", "holds no table"]),
]


@pytest.mark.parametrize("is_built", [True, False], ids=["after", "before"])
@pytest.mark.parametrize(("saved_by", "tables", "restored_by", "messages"), MISFITS)
def test_checkpoint_that_does_not_fit_is_refused_by_name(
    cases, checkpoints, tmp_path, saved_by, tables, restored_by, messages, is_built
):
    source = named(cases, saved_by(0.1), **SAVED)
    source.build(2)
    prefix = checkpoints.write(source, tmp_path / "step")
    target = named(cases, restored_by(0.1), **tables)
    if is_built:
        target.build(2)
        before = cases.state(target)
    with pytest.raises(ValueError, match="does not fit the engine") as raised:
        tf.train.Checkpoint(embedding=target, step=tf.Variable(0)).restore(prefix)
    for message in messages:
        assert re.search(message, str(raised.value)), raised.value
    if is_built:
        checkpoints.assert_same(cases.state(target), before)


def test_misfit_tells_what_each_side_has(cases, checkpoints, tmp_path):
    source = named(cases, tpu.SGD(0.1), **SAVED)
    source.build(2)
    prefix = checkpoints.write(source, tmp_path / "step")
    message = (
        r"The checkpoint holds items \[11, 3\], user \[7, 2\]; the engine wants "
        r"brand \[5, 1\], items \[11, 3\]\. Restore with"
    )
    with pytest.raises(ValueError, match=message):
        checkpoints.read(
            named(cases, tpu.SGD(0.1), items=(11, 3), brand=(5, 1)), prefix
        )


def test_several_engines_restore_from_one_checkpoint(cases, checkpoints, tmp_path):
    """Each is compared with its own part; here one's tables are among the other's."""
    first = {"items": (11, 3)}
    engines = [named(cases, tpu.Adagrad(0.1), **tables) for tables in (first, SAVED)]
    for engine in engines:
        engine.build(2)
    path = str(tmp_path / "step")
    prefix = tf.train.Checkpoint(a=engines[0], b=engines[1]).write(path)
    again = [named(cases, tpu.Adagrad(0.1), **tables) for tables in (first, SAVED)]
    status = tf.train.Checkpoint(a=again[0], b=again[1]).read(prefix)
    for engine in again:
        engine.build(2)
    status.assert_consumed()
    for got, expected in zip(again, engines, strict=True):
        checkpoints.assert_same(cases.state(got), cases.state(expected))


def test_lookup_engine_must_find_its_tables_too(cases, checkpoints, tmp_path):
    source = named(cases, tpu.Adam(0.1), **SAVED)
    source.build(2)
    prefix = checkpoints.write(source, tmp_path / "step")
    with pytest.raises(ValueError, match="table 'brand' is missing"):
        checkpoints.read(named(cases, **SAVED, brand=(5, 1)), prefix)


def test_checkpoint_without_objects_is_refused(cases, tmp_path):
    with pytest.raises(ValueError, match="table 'items' is missing from the checkpoi"):
        check_compatible(nameless(tmp_path), named(cases, **SAVED)._table_specs)


def nameless(tmp_path):
    """Writes a checkpoint that holds a tensor, but no object."""
    prefix = str(tmp_path / "step")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=["x"],
        shape_and_slices=[""],
        tensors=[tf.zeros([2])],
    )
    return prefix


@pytest.mark.parametrize("rows", [10, 12])
@pytest.mark.parametrize("restored_on", [1, 2, 3])
def test_restore_into_another_vocabulary_is_refused(
    cases, checkpoints, tmp_path, rows, restored_on
):
    source = cases.start({"clicks": cases.feature(cases.table())}, tpu.SGD(0.1), 2)
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    config = {"clicks": cases.feature(cases.table(rows=rows))}
    target = cases.start(config, tpu.SGD(0.1), restored_on)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="items"):
        checkpoints.read(target, prefix)
