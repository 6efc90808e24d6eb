"""Whether a checkpoint holds the tables of an engine.

A restore ignores what only one side knows. For a table that would be a silent loss, so
tables and slots are compared by name and shape before anything is read.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import tensorflow as tf

# What a checkpoint says of its objects; TensorFlow exports no reader of it.
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from shardline.embedding.config.specs import TableSpec

OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"

ShapesByName = dict[str, list[int]]


class HeldVariable(NamedTuple):
    """A variable in a checkpoint.

    Attributes:
        key: its key there.
        shape: its shape.
    """

    key: str
    shape: list[int]


def check_compatible(prefix: str, tables: Sequence[TableSpec]) -> None:
    """Refuses a checkpoint whose tables or slots are not those of an engine.

    A table without an optimizer takes the parameters of any optimizer's checkpoint.
    Where the checkpoint holds several engines, one of them must fit.

    Args:
        prefix: the checkpoint's path.
        tables: every table of the engine.

    Raises:
        ValueError: if a table or slot is missing, is one too many, or has another
            shape; the message names each.
    """
    wanted = wanted_shapes(tables)
    lookup_only = tuple(f"{table.name}/" for table in tables if not table.optimizer)
    engines = [
        {
            name: variable.shape
            for name, variable in held.items()
            if name in wanted or not name.startswith(lookup_only)
        }
        for held in engines_held(prefix, wanted)
    ]
    if wanted in engines:
        return
    held: ShapesByName = engines[0] if engines else {}
    raise ValueError(
        f"Checkpoint {prefix} does not fit the engine: "
        f"{'; '.join(_faults(held, wanted))}. The checkpoint holds {_listed(held)}; "
        f"the engine wants {_listed(wanted)}. Restore with the feature configuration "
        "and the optimizers it was written with."
    )


def wanted_shapes(tables: Sequence[TableSpec]) -> ShapesByName:
    """Returns the shape of each variable by the name under which it is tracked."""
    shapes = {}
    for table in tables:
        shape = [table.config.vocabulary_size, table.config.dim]
        shapes[table.name] = shape
        for slot in table.optimizer._slot_names() if table.optimizer else ():
            shapes[f"{table.name}/{slot}"] = shape
    return shapes


def engines_held(prefix: str, wanted: Collection[str]) -> list[dict[str, HeldVariable]]:
    """Returns what the engines of a checkpoint hold: those nearest to a wanted one.

    A checkpoint knows objects by number and by the names their owners give them. An
    engine is an object that gives most of the wanted names to variables.

    Args:
        prefix: the checkpoint's path.
        wanted: names of tables and slots, as `wanted_shapes` has them.

    Returns:
        Of each the variables by name; none if no object has a wanted one.
    """
    reader = tf.train.load_checkpoint(prefix)
    if not reader.has_tensor(OBJECT_GRAPH_KEY):
        return []
    graph = TrackableObjectGraph.FromString(reader.get_tensor(OBJECT_GRAPH_KEY))
    shapes = reader.get_variable_to_shape_map()
    owners = [
        {
            child.local_name: HeldVariable(
                variable.checkpoint_key, list(shapes[variable.checkpoint_key])
            )
            for child in node.children
            for variable in graph.nodes[child.node_id].attributes
            if variable.checkpoint_key in shapes
        }
        for node in graph.nodes
    ]
    names = set(wanted)
    most = max((len(owner.keys() & names) for owner in owners), default=0)
    return [owner for owner in owners if most and len(owner.keys() & names) == most]


def _faults(held: ShapesByName, wanted: ShapesByName) -> list[str]:
    tables = {name for name in held | wanted if "/" not in name}
    faults = []
    for name in sorted(held | wanted):
        kind = "slot" if name.rpartition("/")[0] in tables else "table"
        if name not in held:
            faults.append(f"{kind} '{name}' is missing from the checkpoint")
        elif name not in wanted:
            faults.append(f"{kind} '{name}' is unknown to the engine")
        elif held[name] != wanted[name]:
            faults.append(
                f"{kind} '{name}' has the shape {held[name]} in the checkpoint, "
                f"{wanted[name]} in the engine"
            )
    return faults


def _listed(shapes: ShapesByName) -> str:
    return ", ".join(f"{name} {shapes[name]}" for name in sorted(shapes)) or "no table"
