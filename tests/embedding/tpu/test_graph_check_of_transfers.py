"""The graph check accepts loads and retrieves of the engine, and names each fault."""

from pathlib import Path

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.tpu import transfer
from shardline.embedding.tpu.config_proto import Configuration
from shardline.embedding.tpu.graph_check import check_tpu_graph

graphs = load(Path(__file__).with_name("checked_graphs.py"))

tpu = tf.tpu.experimental.embedding
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    "optimizer", ["SGD", "Adagrad", "AdagradMomentum", "Adam", "FTRL"]
)
def test_load_and_retrieve_of_the_engine_pass(optimizer, ours, steps):
    engine, _ = ours(
        steps.Step(("dense", "sparse"), hosts=4), getattr(tpu, optimizer)(1)
    )

    assert engine.retrieve_calls()
    check_tpu_graph(engine.graph, engine.config)


def transferring(engine, change=None, names=graphs.HOSTS):
    """Builds a load of an engine's tables, changed before."""
    graph = tf.Graph()
    with graph.as_default():
        tables = [FakeTable(table) for table in engine.engine._tables]
        if change:
            tables = change(tables)
        transfer.build_load(tables, names, engine.config)
    return graph


class FakeTable:
    """Shapes of a table's shards, without its variables."""

    def __init__(self, table):
        self.spec = table.spec
        self.parameters = FakeShards(table.parameters)
        self.slots = {name: FakeShards(s) for name, s in table.slots.items()}


class FakeShards:
    def __init__(self, sharded):
        self.variables = [tf.zeros(shard.shape) for shard in sharded.variables]


def test_graph_without_configuration_is_refused():
    with pytest.raises(ValueError, match="No op of the graph holds"):
        check_tpu_graph(graphs.raw_enqueue())


def test_load_of_all_tables_passes(small):
    check_tpu_graph(transferring(small), small.config)


def test_missing_table_in_load_is_refused(ours, steps):
    engine, _ = ours(steps.Step(("dense", "sparse"), hosts=2))
    graph = transferring(engine, lambda tables: tables[:1])

    message = graphs.refusal(graph, engine)
    assert "Table 'small' needs one Load op for host 0" in message
    assert "Table 'small' needs one Load op for host 1" in message


def test_doubled_table_in_load_is_refused(small):
    graph = transferring(small, lambda tables: tables * 2)

    assert "beside all others; got 2" in graphs.refusal(graph, small)


def test_missing_host_in_load_is_refused(small):
    message = graphs.refusal(transferring(small, names=graphs.HOSTS[:1]), small)

    assert "moves shard 0 of 1; the system has 2 hosts" in message
    assert "needs one Load op for host 1" in message


def test_rows_of_another_partition_are_refused(small):
    def swapped(tables):
        tables[0].parameters.variables.reverse()
        for slot in tables[0].slots.values():
            slot.variables.reverse()
        return tables

    assert "host 0 holds [7, 4] of table 'large'" in graphs.refusal(
        transferring(small, swapped), small
    )


def test_load_of_another_optimizer_is_refused(small, ours, steps):
    other, _ = ours(steps.Step(("dense",), hosts=2), tpu.SGD(0.1))
    config = Configuration.FromString(small.config)

    with pytest.raises(ValueError, match="whose optimizer is ADAM"):
        check_tpu_graph(transferring(other), config.SerializeToString())


def test_hosts_on_one_device_are_refused(small):
    graph = transferring(small, names=graphs.HOSTS[:1] * 2)

    assert "different hosts are on one device" in graphs.refusal(graph, small)
