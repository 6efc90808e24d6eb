"""Inputs of the published model, by the names that the configuration gives."""

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.exporter.signatures import columns_signature, missing_values
from shardline.configs.column import Column

COLUMNS = {
    "\u7528\u6237": Column("string"),
    "\u7269\u54c1": Column("string", ragged=True),
    "Gr\u00f6\u00dfe (cm)": Column("float", optional=True),
    "class": Column("int64"),
    "self": Column("int64"),
    "_x": Column("int64"),
    "3d": Column("int64"),
    "plain": Column("int64"),
}
NAMES = {
    "\u7528\u6237": "user",
    "\u7269\u54c1": "items",
    "Gr\u00f6\u00dfe (cm)": "size",
}


@pytest.fixture(scope="module")
def signature(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A saved and loaded signature that gives every column back."""

    def answer(columns: dict[str, Any]) -> dict[str, tf.Tensor]:
        outputs = {}
        for i, (name, column) in enumerate(COLUMNS.items()):
            given = columns[name]
            outputs[f"c{i}"] = given.values if column.ragged else given
        return outputs

    folder = str(tmp_path_factory.mktemp("model"))
    model = tf.Module()
    signatures = {"columns": columns_signature(COLUMNS, NAMES, answer)}
    tf.saved_model.save(model, folder, signatures=signatures)
    assert Path(folder, "saved_model.pb").is_file()
    return tf.saved_model.load(folder).signatures["columns"]


def test_any_column_has_an_input(signature: Any) -> None:
    given = {
        "user": tf.constant(["a", "b"]),
        "items_values": tf.constant(["x", "y", "z"]),
        "items_row_splits": tf.constant([0, 1, 3], tf.int64),
        "size": tf.constant([1.5, 2.5]),
        **{
            name: tf.constant([i, i + 1], tf.int64)
            for i, name in enumerate(
                ["column_class", "column_self", "column__x", "column_3d", "plain"]
            )
        },
    }
    assert set(signature.structured_input_signature[1]) == set(given)

    found = signature(**given)

    by_column = [name for name in given if name != "items_row_splits"]
    for i, name in enumerate(by_column):
        assert found[f"c{i}"].numpy().tolist() == given[name].numpy().tolist()


def test_missing_values_are_those_of_named_inputs() -> None:
    found = missing_values(COLUMNS, NAMES)
    assert list(found) == ["size"]
