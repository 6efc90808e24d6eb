"""A model of this project, served: it refuses what files may not hold, in words.

Every request goes over gRPC or REST to a server of the exported model.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from shardline.components.exporter.serving_model import ServingModel
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.ids.tensor_tokens import MISSING
from shardline.configs.columns import raw_columns
from shardline.configs.schema import FeatureSet, Target

batch_of = load("components/features/analysis/batches.py").batch_of
save_untrained = load("components/exporter/untrained.py").save_untrained

TARGET = Target(label="label")
FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "item": {"table": "item"},
            "shop": {"table": "shop", "default": "none"},
            "day": {"table": "day", "dtype": "int64", "default": 0},
            "hour": {"table": "hour", "ids": {"range": 24}},
            "tags": {"table": "tag", "combiner": "sum", "weights": "counts"},
        },
        "numbers": {
            "price": {"missing": "mean", "scale": "z_score"},
            "visits": {"dtype": "int64", "missing": 3.0},
            "size": {},
        },
        "tables": {t: {"dim": 2} for t in ("item", "shop", "day", "hour", "tag")},
    }
)
COLUMNS = raw_columns(FEATURES, TARGET)
WHOLE: dict[str, Any] = {
    "item": "i1",
    "shop": "s1",
    "day": 4,
    "hour": 7,
    "tags": ["a", "b"],
    "counts": [1.0, 2.0],
    "price": 1.5,
    "visits": 2,
    "size": 0.25,
}
LACKING = WHOLE | dict.fromkeys(("shop", "day", "price", "visits"))
ROWS = [WHOLE | {"label": 1.0}, LACKING | {"label": 0.0, "item": "i2"}]
_LISTS = {"string": "bytes_list", "int64": "int64_list", "float": "float_list"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A serving folder with the untrained model."""
    made = tmp_path_factory.mktemp("raw_columns")
    graph = str(made / "graph")
    settings = FEATURES.preprocessing(TARGET)
    facts = analyze_batches([batch_of(COLUMNS, ROWS)], settings, str(made))
    write_transform_graph(graph, settings, facts, str(made))
    output = tft.TFTransformOutput(graph)
    save_untrained(made, FEATURES, TARGET, output, hidden_units=[4], factor=30)
    ServingModel(str(made), output).save(str(made / "serving" / "1"))
    return made / "serving"


def example(row: dict[str, Any], *, kinds: dict[str, str] | None = None) -> bytes:
    """Returns a row as a tf.Example; missing values are empty lists."""
    made = tf.train.Example()
    for name, column in COLUMNS.items():
        if name == "label" or name not in row:
            continue
        value = row[name]
        values = value if isinstance(value, list) else [] if value is None else [value]
        stored = [v.encode() if isinstance(v, str) else v for v in values]
        kind = (kinds or {}).get(name) or _LISTS[column.dtype]
        stored_in = getattr(made.features.feature[name], kind)
        stored_in.SetInParent()
        stored_in.value.extend(stored)
    return made.SerializeToString()


def columns(*rows: dict[str, Any]) -> dict[str, list[Any]]:
    """Returns rows as the inputs of `columns` over REST."""
    made: dict[str, list[Any]] = {}
    for name, column in COLUMNS.items():
        values = [row[name] for row in rows if name in row]
        if column.ragged:
            made[f"{name}_values"] = [one for row in values for one in row]
            lengths = [len(row) for row in values]
            made[f"{name}_row_splits"] = np.cumsum([0, *lengths]).tolist()
        elif name != "label":
            made[name] = values
    return made


def arrays(*rows: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns the same over gRPC, with what stands for missing values."""
    dtypes = {"string": object, "int64": np.int64, "float": np.float32}
    made = {}
    for name, values in columns(*rows).items():
        column = COLUMNS.get(name.removesuffix("_values"))
        dtype = column.dtype if column else "int64"
        given = [MISSING[dtype] if value is None else value for value in values]
        made[name] = np.array(given, dtypes[dtype])
    return made


def b64(row: dict[str, Any], **options: Any) -> dict[str, str]:
    return {"b64": base64.b64encode(example(row, **options)).decode()}


def test_missing_values_are_the_same_in_every_kind_of_request(
    folder: Path, serve: Callable[..., Any]
) -> None:
    by_column = {"signature_name": "columns", "inputs": columns(WHOLE, LACKING)}
    by_example = {"instances": [b64(WHOLE), b64(LACKING)]}

    async def scenario(client: Any) -> list[Any]:
        examples = [example(WHOLE), example(LACKING)]
        return [
            (await client.predict(examples=examples))["scores"],
            (await client.predict("columns", **arrays(WHOLE, LACKING)))["scores"],
            (await client.post(by_example))[1]["predictions"],
            (await client.post(by_column))[1]["outputs"],
        ]

    first, *others = serve(folder, scenario)

    assert abs(first[0] - first[1]) > 1e-3
    for scores in others:
        np.testing.assert_array_equal(np.array(scores, np.float32), first)


REFUSED = {
    "infinite": ({"price": float("inf")}, "Column `price` must hold finite numbers as"),
    "minus_infinite": ({"size": -float("inf")}, "Column `size` must hold finite numb"),
    "nan": (
        {"size": float("nan")},
        "Column `size` must hold finite numbers as float32",
    ),
    "weight_infinite": ({"counts": [1.0, float("inf")]}, "Column `counts` must hold f"),
    "weight_nan": ({"counts": [float("nan"), 1.0]}, "Column `counts` must hold finite"),
    "range": ({"hour": 24}, "Feature `hour`: an id is not in 0 to 23"),
    "weights_and_ids": ({"counts": [1.0]}, "Feature 'tags': weights must stand"),
}


@pytest.fixture(scope="module")
def refusals(folder: Path, serve: Callable[..., Any]) -> dict[str, list[Any]]:
    """The status and the words of every request of REFUSED, in three forms."""

    async def refusal(client: Any, signature: str = "", **inputs: Any) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.predict(signature, **inputs)
        return caught.value.code().name, caught.value.details()

    async def scenario(client: Any) -> dict[str, list[Any]]:
        found = {}
        for case, (wrong, _) in REFUSED.items():
            rows = [WHOLE, WHOLE | wrong]
            examples = [example(row) for row in rows]
            status, body = await client.post({"instances": [*map(b64, rows)]})
            found[case] = [
                await refusal(client, examples=examples),
                await refusal(client, "columns", **arrays(*rows)),
                ({400: "INVALID_ARGUMENT"}[status], body["error"]),
            ]
        return found

    answers: dict[str, list[Any]] = serve(folder, scenario)
    return answers


@pytest.mark.parametrize("case", REFUSED)
def test_what_files_may_not_hold_is_refused_in_words(
    refusals: dict[str, list[Any]], case: str
) -> None:
    for status, said in refusals[case]:
        assert status == "INVALID_ARGUMENT"
        assert said.startswith(REFUSED[case][1])


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "no_rows": ({"instances": []}, "'instances' is an empty list. Send at least one"),
    "no_columns": ({"inputs": []}, "The request holds no examples. Send at least one"),
    "null_body": ({"instances": None}, "'instances' must be a list of rows, got null"),
    "example_null": (
        {"instances": [None]},
        "'examples': expected string, got null; no",
    ),
    "no_base64": ({"instances": [{"b64": "?"}]}, "'examples': '?' is no base64"),
    "no_example": (
        {"instances": [{"b64": base64.b64encode(b"\xff\xfe").decode()}]},
        "One of the examples is no serialized tf.Example.",
    ),
    "required_missing": (
        {"instances": [b64(without(WHOLE, "item"))]},
        "Column `item` must hold one value in each example; one of them has none, or",
    ),
    "required_several": (
        {"instances": [b64(WHOLE | {"size": [1.0, 2.0]})]},
        "Column `size` must hold one value in each example; one of them has none, or",
    ),
    "required_empty": (
        {"instances": [b64(WHOLE | {"size": None})]},
        "Column `size` must hold one value in each example; one of them has none, or",
    ),
    "several_strings": (
        {"instances": [b64(WHOLE | {"item": ["a", "b"]})]},
        "Column `item` must hold one value in each example; one of them has none, or",
    ),
    "several": (
        {"instances": [b64(WHOLE | {"price": [1.0, 2.0]})]},
        "Column `price` holds several values where one float is expected",
    ),
    "int_for_float": (
        {"instances": [b64(WHOLE | {"price": 1}, kinds={"price": "int64_list"})]},
        "Key: price, Index: 0.  Data types don't match. Expected type: float, Actual",
    ),
    "string_for_int": (
        {"instances": [b64(WHOLE | {"day": "4"}, kinds={"day": "bytes_list"})]},
        "Key: day, Index: 0.  Data types don't match. Expected type: int64, Actual",
    ),
}


INPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "uneven": (
        {"price": [1.5, 2.5], "tags_values": [], "counts_values": []}
        | {"tags_row_splits": [0, 0, 0], "counts_row_splits": [0, 0]},
        "All inputs must hold the same number of examples, got counts_row_splits 1 "
        "day 1 hour 1 item 1 price 2 shop 1 size 1 tags_row_splits 2 visits 1",
    ),
    "null_item": ({"item": [None]}, "'item': expected string, got null; no value of"),
    "null_size": ({"size": [None]}, "'size': expected float32, got null; no value of"),
    "null_in_list": (
        {"counts_values": [1, None]},
        "'counts_values': expected float32,",
    ),
    "unknown": ({"prise": [1]}, "Sent extra: [\"'prise'\"]"),
    "rank": ({"price": [[1.5]]}, "'price': expected float32, got a list"),
    "scalar": ({"price": 1.5}, "'price': expected the shape (None,), got []"),
    "string_for_float": ({"price": ["1.5"]}, "'price': expected float32, got text"),
    "float_for_int": ({"day": [4.5]}, "'day': expected int64, got 4.5"),
    "bool_for_int": ({"day": [True]}, "'day': expected int64, got a truth value"),
    "int_for_string": ({"item": [1]}, "'item': expected text or {"),
    "large_int": ({"day": [2**63]}, "'day': too large for int64"),
    "large_float": ({"price": [1e39]}, "'price': too large for float32"),
    "uneven_lists": (
        {"price": [[1.5], [1, 2]]},
        "'price': expected float32, got a list",
    ),
    "nothing": ({name: [] for name in columns(WHOLE)}, "row splits must start at 0"),
}


BODIES |= {
    f"columns_{name}": (
        {"signature_name": "columns", "inputs": columns(WHOLE) | wrong},
        message,
    )
    for name, (wrong, message) in INPUTS.items()
}


@pytest.fixture(scope="module")
def replies(folder: Path, serve: Callable[..., Any]) -> dict[str, tuple[int, Any]]:
    """The replies to BODIES, of one server."""

    async def scenario(client: Any) -> dict[str, tuple[int, Any]]:
        return {case: await client.post(body) for case, (body, _) in BODIES.items()}

    answers: dict[str, tuple[int, Any]] = serve(folder, scenario)
    return answers


@pytest.mark.parametrize("case", BODIES)
def test_malformed_requests_are_told_in_words(
    replies: dict[str, tuple[int, Any]], case: str
) -> None:
    status, body = replies[case]

    assert status == 400
    assert BODIES[case][1] in body["error"]


def test_saved_model_alone_refuses_alike(folder: Path) -> None:
    signatures = tf.saved_model.load(str(folder / "1")).signatures
    given = {name: tf.constant(array) for name, array in arrays(WHOLE).items()}

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[price\] \[2\]"):
        signatures["columns"](**given | {"price": tf.constant([1.0, 2.0])})
    with pytest.raises(tf.errors.InvalidArgumentError, match="Column `price` must ho"):
        signatures["columns"](**given | {"price": tf.constant([float("inf")])})


def test_defaults_of_the_signature_say_what_a_missing_value_is(folder: Path) -> None:
    saved = SavedModel.FromString((folder / "1" / "saved_model.pb").read_bytes())

    defaults = saved.meta_graphs[0].signature_def["columns"].defaults

    found = {name: tf.make_ndarray(proto).tolist() for name, proto in defaults.items()}
    assert json.dumps(found.pop("price")) == "[NaN]"
    smallest = np.iinfo(np.int64).min
    assert found == {"shop": [b""], "day": [smallest], "visits": [smallest]}
