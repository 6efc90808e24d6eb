"""Tables exported for `tf.train.Checkpoint`, and read by TensorFlow's classes."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.sets.archive import ExportError
from shardline.embedding.checkpoint.sets.object_checkpoint import export_tables
from shardline.embedding.checkpoint.sets.reader import SetDamagedError

tpu = tf.tpu.experimental.embedding


@pytest.fixture
def training(made_sets, tmp_path):
    """A chain of two sets of a table with the slot of Adagrad."""
    training = made_sets.training(tmp_path / "sets", hosts=3, item=23)
    training.save(10)
    training.touch(item=[0, 8, 22])
    return training


@pytest.mark.parametrize("owner", [tpu.TPUEmbedding, tpu.TPUEmbeddingForServing])
def test_tensorflows_classes_read_the_tables(training, tmp_path, owner) -> None:
    prefix = export_tables(training.folder, training.newest, tmp_path / "out")

    table = tpu.TableConfig(vocabulary_size=23, dim=3, name="item")
    target = owner(tpu.FeatureConfig(table=table), tpu.Adagrad(0.1))
    target.build()
    tf.train.Checkpoint(embedding=target).read(prefix).assert_consumed()

    for name, variable in target._variables["item"].items():
        np.testing.assert_array_equal(variable, training.tables["item"][name])


@pytest.mark.parametrize("hosts", [1, 2])
def test_engine_reads_the_tables_on_any_number_of_hosts(
    training, cases, tmp_path, hosts
) -> None:
    prefix = export_tables(training.folder, training.newest, tmp_path / "out")

    config = {"clicks": cases.feature(cases.table(name="item", rows=23))}
    engine = cases.start(config, tpu.Adagrad(0.1), hosts)
    tf.train.Checkpoint(embedding=engine).read(prefix).assert_consumed()

    for name, variable in engine._variables["item"].items():
        shards = [shard.numpy() for shard in variable.variables]
        expected = training.tables["item"][name]
        np.testing.assert_array_equal(np.concatenate(shards), expected)


def test_index_and_data_files_are_all_that_is_left(training, tmp_path) -> None:
    export_tables(training.folder, training.newest, tmp_path / "out")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"checkpoint.data-0000{number}-of-00004" for number in range(4)),
        "checkpoint.index",
    ]


def test_checkpoint_is_not_written_over(training, tmp_path) -> None:
    export_tables(training.folder, training.newest, tmp_path / "out")

    with pytest.raises(ExportError, match="is there already"):
        export_tables(training.folder, training.newest, tmp_path / "out")


def test_damaged_set_leaves_nothing(training, tmp_path) -> None:
    file = training.folder.sets()[0].path / "tables.data-00002-of-00003"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    with pytest.raises(SetDamagedError, match=r"tables\.data-00002"):
        export_tables(training.folder, training.newest, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_table_with_the_name_of_a_slot_is_refused(made_sets, tmp_path) -> None:
    rows = {"item": 23, "item/accumulators": 5}
    training = made_sets.training(tmp_path / "sets", hosts=1, **rows)
    training.save(10)
    with pytest.raises(ExportError, match="named item/accumulators"):
        export_tables(training.folder, training.newest, tmp_path / "out")
    assert not (tmp_path / "out").exists()
