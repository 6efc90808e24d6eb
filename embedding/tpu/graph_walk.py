"""The embedding ops of a graph and of all functions it calls.

A program is a graph with the functions it calls inlined; bodies of loops and branches
are programs of their own. A cluster is one call of `strategy.run`.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_CONTROL_FLOW = (
    "If",
    "StatelessIf",
    "Case",
    "StatelessCase",
    "While",
    "StatelessWhile",
)
_EMBEDDING = re.compile(
    r"(DynamicEnqueue|Enqueue|Recv|Send|Load|Retrieve|Configure)TPUEmbedding(.*)"
)


class EmbeddingOp(NamedTuple):
    """One op of TPU embedding.

    Attributes:
        op: the operation.
        verb: "Enqueue", "Recv", "Send", "Load", "Retrieve" or "Configure".
        kind: what follows "TPUEmbedding" in the op's type.
        body: number of the function the op stands in.
        cluster: the cluster of its `strategy.run`, "" outside of any.
    """

    op: Any
    verb: str
    kind: str
    body: int
    cluster: str

    @property
    def label(self) -> str:
        """The name that pairs the ops of a step, "" for none."""
        value = self.op.node_def.attr.get("_tpu_embedding_layer")
        return value.s.decode() if value else ""

    @property
    def is_outside_compiled(self) -> bool:
        """Whether the op is moved from the TPU's program to its host."""
        return "_xla_outside_compilation" in self.op.node_def.attr

    def __str__(self) -> str:
        """Returns the op's type and name, for messages."""
        return f"{self.op.type} '{self.op.name}'"


def programs(graph: tf.Graph) -> list[list[EmbeddingOp]]:
    """Returns the embedding ops of each program, that of the graph itself first."""
    found: list[list[EmbeddingOp]] = []
    bodies: list[int] = []

    def visit(graph: Any, cluster: str, program: list[EmbeddingOp]) -> None:
        bodies.append(len(bodies))
        body = bodies[-1]
        for op in graph.get_operations():
            inner = _cluster(op) or cluster
            match = _EMBEDDING.fullmatch(op.type)
            if match:
                program.append(EmbeddingOp(op, match[1], match[2], body, inner))
            for function in _functions(graph, op):
                if op.type in _CALLS:
                    visit(function, inner, program)
                else:
                    visit(function, inner, _new(found))

    visit(graph, "", _new(found))
    return found


def _new(found: list[list[EmbeddingOp]]) -> list[EmbeddingOp]:
    found.append([])
    return found[-1]


def _cluster(op: Any) -> str:
    value = op.node_def.attr.get("_tpu_replicate")
    return value.s.decode() if value else ""


def _functions(graph: Any, op: Any) -> Iterator[Any]:
    """Yields the graphs of the functions that an op calls."""
    if op.type.removeprefix("Stateless") not in _CALLS + _CONTROL_FLOW:
        return
    for value in op.node_def.attr.values():
        functions = [value.func] if value.HasField("func") else value.list.func
        for function in functions:
            # No public function gives the graph of a function by its name.
            definition = graph._get_function(tf.compat.as_bytes(function.name))
            if definition is not None and getattr(definition, "graph", None):
                yield definition.graph
