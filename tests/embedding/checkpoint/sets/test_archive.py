"""A set exported as a full one."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.sets.archive import ExportError, export_set
from shardline.embedding.checkpoint.sets.chain import chain_readers, table_blocks
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.lock import SetLockedError
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.restore import restore_set
from shardline.embedding.checkpoint.sets.rounding import RoundingError
from shardline.embedding.checkpoint.sets.verify import verify_set

all_rows = pytest.mark.parametrize("rows", ["float32", "float16", "int8"])


@pytest.fixture(params=[1, 3])
def training(made_sets, tmp_path, request):
    """A chain of three sets; the rows of each table are of the same size."""
    training = made_sets.training(
        tmp_path / "sets", hosts=request.param, item=23, one=1
    )
    training.save(10, pinned=True)
    training.touch(item=[0, 3, 7, 8, 9, 22])
    training.touch(item=[3, 15], one=[0])
    return training


def tensors_of(folder, one, table) -> dict[str, np.ndarray]:
    blocks = list(table_blocks(chain_readers(folder, one), table))
    return {
        name: np.concatenate([block.tensors[name] for block in blocks])
        for name in blocks[0].tensors
    }


@all_rows
def test_exported_set_is_full_whole_and_says_how_its_rows_are_held(
    training, tmp_path, rows
) -> None:
    exported = export_set(training.folder, training.newest, tmp_path / "out", rows)

    target = SetFolder(tmp_path / "out")
    (found,) = target.sets()
    assert (found.name, found.path) == (exported.name, exported.path)
    manifest = found.manifest
    assert (manifest.kind, manifest.step, manifest.rows) == ("full", 30, rows)
    assert (manifest.parent, manifest.depth) == (None, 0)
    assert manifest.state == training.newest.manifest.state
    assert manifest.lineage == training.newest.manifest.lineage
    assert not found.is_pinned
    assert verify_set(found) == []
    target.lock().release()


def test_float32_rows_are_those_of_the_chain(training, tmp_path) -> None:
    exported = export_set(training.folder, training.newest, tmp_path / "out")

    reader = tf.train.load_checkpoint(exported.tables_prefix)
    shapes = reader.get_variable_to_shape_map()
    expected = {
        f"{table}/{tensor}": rows
        for table, tensors in training.tables.items()
        for tensor, rows in tensors.items()
    }
    assert shapes.keys() == expected.keys()
    for key, rows in expected.items():
        np.testing.assert_array_equal(reader.get_tensor(key), rows)
    values = tf.train.load_checkpoint(exported.values_prefix)
    assert values.get_tensor("step") == 30


@pytest.mark.parametrize(("rows", "error"), [("float16", 2**-11), ("int8", 1 / 254)])
def test_rounded_rows_are_read_as_float32(training, tmp_path, rows, error) -> None:
    exported = export_set(training.folder, training.newest, tmp_path / "out", rows)

    for table, tensors in training.tables.items():
        held = tensors_of(SetFolder(tmp_path / "out"), exported, table)
        largest = np.abs(tensors["parameters"]).max(axis=1, keepdims=True)
        assert held["parameters"].dtype == np.float32
        gaps = np.abs(held["parameters"] - tensors["parameters"])
        assert (gaps <= largest * error * 1.01).all()
        assert gaps.max() > 0
        np.testing.assert_array_equal(held["accumulators"], tensors["accumulators"])


def test_int8_archive_is_read_by_tensorflow(training, tmp_path) -> None:
    exported = export_set(training.folder, training.newest, tmp_path / "out", "int8")

    reader = tf.train.load_checkpoint(exported.tables_prefix)
    levels = reader.get_tensor("item/parameters")
    scales = reader.get_tensor("item/parameters.scale")
    held = tensors_of(SetFolder(tmp_path / "out"), exported, "item")
    assert (levels.dtype, scales.shape) == (np.int8, (23,))
    np.testing.assert_array_equal(levels * scales[:, None], held["parameters"])


@all_rows
def test_archive_can_be_exported_again_as_float32(training, tmp_path, rows) -> None:
    first, second = SetFolder(tmp_path / "first"), SetFolder(tmp_path / "second")
    archive = export_set(training.folder, training.newest, first.path, rows)
    again = export_set(first, archive, second.path)

    assert again.manifest.rows == "float32"
    np.testing.assert_array_equal(
        tensors_of(second, again, "item")["parameters"],
        tensors_of(first, archive, "item")["parameters"],
    )


@all_rows
def test_damage_in_an_archive_is_found(training, tmp_path, rows) -> None:
    exported = export_set(training.folder, training.newest, tmp_path / "out", rows)
    (file, *_) = sorted(exported.path.glob("tables.data-*"))
    whole = file.read_bytes()

    for place in range(0, len(whole), 29):
        content = bytearray(whole)
        content[place] ^= 16
        file.write_bytes(content)
        assert verify_set(exported) != [], place
    file.write_bytes(whole)
    assert verify_set(exported) == []


def test_damaged_set_is_not_exported_and_nothing_is_left(training, tmp_path) -> None:
    file = training.newest.path / "tables.data-00000-of-0000"
    (file,) = training.newest.path.glob(f"{file.name}*")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    with pytest.raises(SetDamagedError, match=r"tables\.data-00000"):
        export_set(training.folder, training.newest, tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


def test_rows_that_cannot_be_rounded_leave_nothing(training, tmp_path) -> None:
    training.tables["item"]["parameters"][9] = np.nan
    training.save(40)

    with pytest.raises(RoundingError, match="'item': row 9 "):
        export_set(training.folder, training.newest, tmp_path / "out", "int8")

    assert SetFolder(tmp_path / "out").found() == []


def test_exported_set_is_not_written_over(training, tmp_path) -> None:
    export_set(training.folder, training.newest, tmp_path / "out")

    with pytest.raises(ExportError, match="is there already"):
        export_set(training.folder, training.newest, tmp_path / "out", "int8")

    (only,) = SetFolder(tmp_path / "out").sets()
    assert only.manifest.rows == "float32"


def test_training_is_not_exported_into_its_own_folder(training) -> None:
    with pytest.raises(ExportError, match="the training itself"):
        export_set(training.folder, training.newest, training.folder.path)


def test_folder_that_a_process_writes_to_is_left_alone(training, tmp_path) -> None:
    target = SetFolder(tmp_path / "out")
    target.make()
    lock = target.lock()
    try:
        with pytest.raises(SetLockedError):
            export_set(training.folder, training.newest, target.path)
    finally:
        lock.release()


@pytest.mark.parametrize("rows", ["float16", "int8"])
def test_archive_is_restored_with_a_warning(
    made_sets, cases, tmp_path, rows, caplog
) -> None:
    training = made_sets.training(tmp_path / "sets", item=23)
    source = training.save(10)
    target = SetFolder(tmp_path / "out")
    archive = export_set(training.folder, source, target.path, rows)
    config = {"clicks": cases.feature(cases.table(name="item", rows=23))}
    optimizer = tf.tpu.experimental.embedding.Adagrad(0.1)
    engine = cases.start(config, optimizer, 3)
    variables = {"step": tf.Variable(0), "dense/kernel": tf.Variable(tf.zeros([2, 2]))}

    restored = restore_set(target, archive, engine, variables, archive.manifest.lineage)

    held = tensors_of(target, archive, "item")
    for name, variable in engine._variables["item"].items():
        shards = [shard.numpy() for shard in variable.variables]
        np.testing.assert_array_equal(np.concatenate(shards), held[name])
    assert (restored.step, int(variables["step"])) == (10, 10)
    assert f"is an archive, whose rows were rounded to {rows}" in caplog.text
