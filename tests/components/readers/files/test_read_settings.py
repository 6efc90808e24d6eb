"""The settings that a configuration gives, and the options of its reader."""

import json
import pickle

import pytest

from shardline.components.execution.import_path import construct
from shardline.components.readers.files import (
    ReadSettings,
    reader_of,
    settings_of,
    tfrecord_settings,
)
from shardline.configs.column import Column
from shardline.configs.data import Data, HeldOut
from shardline.configs.dialect import Dialect
from shardline.configs.features import Features

FEATURES = Features.model_validate(
    {
        "features": {
            "user": {"table": "user", "default": "nobody"},
            "seen": {
                "table": "item",
                "column": "items",
                "combiner": "mean",
                "weights": "seconds",
            },
            "also": {
                "table": "item",
                "column": "items",
                "combiner": "sum",
                "weights": "seconds",
            },
            "made": {"table": "made", "combiner": "sum", "weights": "made_weights"},
            "bucket": {"table": "hour", "ids": {"range": 24}},
        },
        "numbers": {"price": {"missing": "mean"}},
        "derived": {
            "function": "a.b",
            "inputs": {"raw": {"dtype": "int64"}},
            "outputs": {
                "made": {"dtype": "string", "ragged": True},
                "made_weights": {"dtype": "float", "ragged": True},
            },
        },
    }
)
FILES = {
    "format": "csv",
    "splits": {"train": "train/*.csv", "test": "test/*.csv"},
    "held_out": {"eval": {"column": "day", "at_least": "2024"}},
    "positive_from": 4,
    "dialect": {"delimiter": "::", "header": ["a", "b"], "missing": ["NA"]},
    "list_separator": "; ",
    "list_strip": False,
    "on_bad_example": "skip",
    "on_bad_file": "skip",
    "max_bad_share": 0.2,
    "max_values": 50,
}
DATA = Data.model_validate(
    {"files": FILES, "path": "there", "label": "stars", "example_weight": "weight"}
)
COLUMNS = {
    "user": Column("string", optional=True),
    "items": Column("string", ragged=True),
    "seconds": Column("float", ragged=True),
    "bucket": Column("int64"),
    "price": Column("float", optional=True),
    "raw": Column("int64"),
    "stars": Column("float"),
    "weight": Column("float"),
}
SETTINGS = ReadSettings(
    format="csv",
    columns=COLUMNS,
    paired=(("seconds", "items"),),
    label="stars",
    positive_from=4.0,
    held_out={"eval": HeldOut(column="day", at_least="2024")},
    dialect=Dialect(delimiter="::", header=("a", "b"), missing=("NA",)),
    list_separator="; ",
    list_strip=False,
    on_bad_example="skip",
    on_bad_file="skip",
    max_bad_share=0.2,
    max_values=50,
)


def test_rules_are_those_of_the_configuration() -> None:
    settings = settings_of(DATA, FEATURES)
    assert settings == SETTINGS
    assert "delimiter='::'" in repr(settings)
    assert "0.2" not in repr(settings)  # of which the names of kept counts are made
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert settings.splitting == ["day"]
    assert settings.wanted == [*COLUMNS, "day"]


def test_reader_of_files_takes_its_options_from_json() -> None:
    path, options = reader_of(DATA, FEATURES)
    reader = construct(path, json.loads(json.dumps(options)))
    assert reader.columns == COLUMNS
    assert reader.splits == ("train", "test", "eval")
    assert reader.settings == SETTINGS


def test_reader_of_a_reader_is_itself() -> None:
    data = Data(reader="some.Reader", options={"a": 1}, path="there")
    assert reader_of(data, FEATURES) == ("some.Reader", {"a": 1})
    with pytest.raises(
        ValueError, match=r"from reader `some.Reader`.*; expected `data.files`"
    ):
        settings_of(data, FEATURES)


def test_rules_for_examples_of_a_pipeline_allow_empty_shards() -> None:
    settings = tfrecord_settings(COLUMNS, (("seconds", "items"),))
    assert settings.format == "tfrecord"
    assert settings.empty_files
    assert settings.positive_from is settings.label is None
