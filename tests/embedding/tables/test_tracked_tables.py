"""Tables as dependencies of their owner: names, and who is told of their values."""

import numpy as np
import tensorflow as tf

from shardline.embedding.config.specs import collect_tables, flatten_features
from shardline.embedding.tables.tracked_tables import TrackedTables


class Recorder:
    """A backend that notes what it is asked for."""

    owns_tables = False

    def __init__(self):
        self.hosts, self.calls = ["/CPU:0"], []

    def load(self, tables):
        self.calls.append(f"load {[table.spec.name for table in tables]}")

    def retrieve(self):
        self.calls.append("retrieve")

    def cut(self, differential, spill_folder):
        self.calls.append(f"cut {differential} {spill_folder}")
        return "a cut"

    def touched_rows(self):
        return {"items": 3}

    def touch_all_rows(self):
        self.calls.append("touch")

    def forget_touched_rows(self):
        self.calls.append("forget")


def owner(cases):
    """Returns tables of one engine, and what their backend noted."""
    optimizer = tf.tpu.experimental.embedding.Adagrad(0.1)
    features = flatten_features({"clicks": cases.feature(cases.table())})
    backend = Recorder()
    return TrackedTables(collect_tables(features, optimizer), backend), backend


def test_cut_is_of_tables_that_are_there_and_up_to_date(cases):
    tables, backend = owner(cases)
    assert tables.cut(True, "folder") == "a cut"
    assert backend.calls == ["load ['items']", "retrieve", "cut True folder"]


def test_rows_are_of_tables_that_are_there_and_up_to_date(cases):
    tables, backend = owner(cases)
    rows = tables.rows()
    assert rows == {"items": tables._variables["items"]["parameters"]}
    assert backend.calls == ["load ['items']", "retrieve"]


def test_backend_is_asked_which_rows_are_touched(cases):
    tables, backend = owner(cases)
    assert tables.touched_rows() == {"items": 3}
    tables.touch_all_rows()
    tables.forget_touched_rows()
    assert backend.calls == ["touch", "forget"]


def test_variables_have_the_names_of_tables_and_slots(cases, tmp_path):
    tables, _ = owner(cases)
    tables._create_tables()
    assert set(tables._by_name()) == {"items", "items/accumulators"}
    value = ".ATTRIBUTES/VARIABLE_VALUE"
    held = [name for name, _ in tf.train.list_variables(saved(tables, tmp_path))]
    assert [name for name in held if name.startswith("tables/")] == [
        f"tables/items.Saccumulators/{value}",
        f"tables/items/{value}",
    ]


def saved(tables, folder):
    """Writes a checkpoint; returns its path."""
    return tf.train.Checkpoint(tables=tables).write(str(folder / "step"))


def test_backend_gets_tables_once_and_is_asked_before_a_save(cases, tmp_path):
    tables, backend = owner(cases)
    tables._create_tables()
    tables._create_tables()
    assert backend.calls == ["load ['items']"]
    saved(tables, tmp_path)
    assert backend.calls == ["load ['items']", "retrieve"]


def test_restore_reads_all_and_loads_once(cases, tmp_path):
    tables, _ = owner(cases)
    tables._create_tables()
    shards = tables._by_name()["items"].variables
    shards[0].assign(np.full(shards[0].shape, 4.0))
    path = saved(tables, tmp_path)
    others, backend = owner(cases)
    others._create_tables()
    backend.calls.clear()
    tf.train.Checkpoint(tables=others).read(path).assert_consumed()
    assert backend.calls == ["touch", "load ['items']"]
    restored = others._by_name()["items"].variables[0]
    np.testing.assert_array_equal(restored, np.full(restored.shape, 4.0))
