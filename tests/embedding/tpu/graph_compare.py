"""Structural equality of graphs: all of a graph but the names of its nodes.

A node's signature holds its op type, device, attributes, the signatures of the nodes
that feed it (data with output index, control as a set) and, for attributes that are
functions, the multiset of signatures of the function's nodes. Two graphs are equal when
the multisets of their nodes' signatures are.
"""

import collections
import hashlib

import tensorflow as tf

# Names of nodes, and what is derived from them.
_NAMES = frozenset(
    {
        "_class",
        "shared_name",
        "debug_name",
        "_tpu_replicate",
        "_xla_outside_compilation",
        "_gradient_op_type",
        "_xla_map",
        "body_name",
    }
)


def signatures(operations) -> collections.Counter:
    """Returns how often each signature occurs among nodes and in their functions."""
    reader = _Reader()
    found = collections.Counter(reader.of(op) for op in operations)
    return found + reader.nested


def difference(left, right) -> list[str]:
    """Returns the signatures that the two multisets do not share, abridged."""
    lines = [f"only left:  {text[:600]}" for text in (left - right).elements()]
    return lines + [f"only right: {text[:600]}" for text in (right - left).elements()]


class _Reader:
    def __init__(self):
        self._known = {}
        self._groups = {}
        self.nested = collections.Counter()

    def of(self, op) -> str:
        """Returns an operation's signature, readable at its head."""
        if id(op) not in self._known:
            self._known[id(op)] = self._read(op)
        return self._known[id(op)]

    def _read(self, op) -> str:
        attributes = {
            name: self._attribute(op.graph, name, value)
            for name, value in op.node_def.attr.items()
            if name not in _NAMES
        }
        # What belongs together, by the order of first appearance.
        for name in ("_tpu_replicate", "_xla_outside_compilation"):
            if name in op.node_def.attr:
                groups = self._groups.setdefault(name, {})
                value = op.node_def.attr[name].s
                attributes[name] = groups.setdefault(value, len(groups))
        data = [f"{_digest(self.of(x.op))}:{x.value_index}" for x in op.inputs]
        control = sorted(_digest(self.of(source)) for source in op.control_inputs)
        head = f"{op.type} {op.device} {sorted(attributes.items())}"
        return f"{head} <- {data} ^ {control}"

    def _attribute(self, graph, name, value) -> str:
        if name == "_user_specified_name":
            # The input of a function that captures a variable: ours call the shards
            # of a table "a/part_0" where TensorFlow's are "a_0".
            return value.s.decode().replace("/part_", "_")
        if value.HasField("func"):
            return self._function(graph, value.func.name)
        if value.list.func:
            names = [function.name for function in value.list.func]
            return str([self._function(graph, function) for function in names])
        return value.SerializeToString(deterministic=True).hex()

    def _function(self, graph, name) -> str:
        definition = graph._get_function(tf.compat.as_bytes(name))
        if definition is None:
            raise LookupError(f"{name} is no function of the graph")
        body = getattr(definition, "graph", None)
        if body is None:
            from tensorflow.python.framework import function_def_to_graph

            body = function_def_to_graph.function_def_to_graph(
                definition.cached_definition
            )
        inner = signatures(body.get_operations())
        self.nested += inner
        return _digest(str(sorted(inner.items())))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
