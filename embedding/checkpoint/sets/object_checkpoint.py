"""Exports the tables of a set as `tf.train.Checkpoint` writes an engine.

What TensorFlow's own classes read, and programs that know nothing of sets. There is no
manifest beside it: it is a copy to use, not one to go on from.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import tensorflow as tf

# The protos of a checkpoint; TensorFlow exports no writer of them.
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from shardline.embedding.checkpoint.compatibility import OBJECT_GRAPH_KEY
from shardline.embedding.checkpoint.crc32c import masked_crc32c
from shardline.embedding.checkpoint.index import index_entries
from shardline.embedding.checkpoint.sets.archive import ExportError
from shardline.embedding.checkpoint.sets.chain import chain_readers
from shardline.embedding.checkpoint.sets.compaction import all_rows_of, write_tables
from shardline.embedding.checkpoint.sets.cut import PARAMETERS
from shardline.embedding.checkpoint.sets.durable import sync_folder, write_file
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.reader import key_of, tensors_of
from shardline.embedding.checkpoint.sets.writer import pieces_by_tensor
from shardline.embedding.checkpoint.slices import header, tensor_entries
from shardline.embedding.checkpoint.sorted_table import table_content

# The name of the engine in `tf.train.Checkpoint(embedding=engine)`.
_OWNER = "embedding"
_VALUE = "VARIABLE_VALUE"


def export_tables(folder: SetFolder, source: CheckpointSet, output: Path) -> str:
    """Writes the tables for `tf.train.Checkpoint(embedding=...).read(prefix)`.

    Args:
        folder: the sets of a training.
        source: one of them.
        output: a folder, made if need be.

    Returns:
        The checkpoint's prefix.

    Raises:
        ExportError: if `output` has such a checkpoint, or a table has the name of
            another one's slot.
        SetDamagedError: if a file is not what was written.
        OSError: if it cannot be written.
    """
    _check_names(source.manifest.tables)
    readers = chain_readers(folder, source)
    prefix = output / "checkpoint"
    if list(output.glob(f"{prefix.name}.*")):
        raise ExportError(
            f"{prefix} is there already. Export to another folder, or remove it."
        )
    output.mkdir(parents=True, exist_ok=True)
    hosts = readers[0].set.manifest.hosts
    paths = [_data_file(prefix, number, hosts + 1) for number in range(hosts + 1)]
    try:
        tables = all_rows_of(source.manifest.tables)
        pieces = pieces_by_tensor(write_tables(readers, tables, paths[:hosts]))
        entries = header(hosts + 1) | _graph_entry(tables, paths[hosts], hosts)
        for (table, tensor), rows in pieces.items():
            shape = [tables[table].rows, tables[table].dim]
            key = _key(table, tensor)
            entries |= tensor_entries(key, tf.float32, shape, rows)
        content = table_content(entries, masked_crc32c)
        write_file(prefix.with_suffix(".index"), content)
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    sync_folder(output)
    return str(prefix)


def _check_names(tables: Mapping[str, StoredTable]) -> None:
    """Refuses what `tf.train.Checkpoint` would take for one variable."""
    names = [_name(*variable) for variable in _variables(tables)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ExportError(
            f"Both a table and a slot of another table are named {', '.join(twice)}, "
            "which tf.train.Checkpoint cannot tell apart. Export a set in place of a "
            "checkpoint."
        )


def _name(table: str, tensor: str) -> str:
    return table if tensor == PARAMETERS else f"{table}/{tensor}"


def _data_file(prefix: Path, number: int, files: int) -> Path:
    return prefix.with_suffix(f".data-{number:05d}-of-{files:05d}")


def _key(table: str, tensor: str) -> str:
    return f"{_OWNER}/{key_of(table, tensor)}/.ATTRIBUTES/{_VALUE}"


def _graph_entry(
    tables: Mapping[str, StoredTable], path: Path, number: int
) -> dict[bytes, bytes]:
    """Writes the objects that have the variables, and returns the entry for them.

    Args:
        tables: the tables.
        path: the data file to write.
        number: its number.
    """
    scratch = f"{path}.scratch"
    tf.raw_ops.SaveV2(
        prefix=scratch,
        tensor_names=[OBJECT_GRAPH_KEY],
        shape_and_slices=[""],
        tensors=[tf.constant(_graph(tables).SerializeToString())],
    )
    key = OBJECT_GRAPH_KEY.encode()
    entry = BundleEntryProto.FromString(index_entries(scratch)[key])
    entry.shard_id = number
    os.replace(f"{scratch}.data-00000-of-00001", path)
    os.unlink(f"{scratch}.index")
    return {key: entry.SerializeToString()}


def _graph(tables: Mapping[str, StoredTable]) -> TrackableObjectGraph:
    """Returns a root with an engine, which has all variables by their names."""
    graph = TrackableObjectGraph()
    root, engine = graph.nodes.add(), graph.nodes.add()
    root.children.add(node_id=1, local_name=_OWNER)
    for table, tensor in _variables(tables):
        name = _name(table, tensor)
        engine.children.add(node_id=len(graph.nodes), local_name=name)
        graph.nodes.add().attributes.add(
            name=_VALUE, full_name=name, checkpoint_key=_key(table, tensor)
        )
    return graph


def _variables(tables: Mapping[str, StoredTable]) -> Iterable[tuple[str, str]]:
    for name, table in sorted(tables.items()):
        for tensor in tensors_of(table):
            yield name, tensor
