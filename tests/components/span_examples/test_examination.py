"""What examples are like, whatever their order and however they are batched."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.readers.files import BadInputError
from shardline.components.span_examples.examination import (
    Asked,
    canonical,
    profile_of,
)

ASKED = Asked("label", "weight", "at")


def example(**columns: list[Any]) -> tf.train.Example:
    features = {}
    for name, values in columns.items():
        if values and isinstance(values[0], str):
            kind = {"bytes_list": {"value": [v.encode() for v in values]}}
        elif values and isinstance(values[0], int):
            kind = {"int64_list": {"value": values}}
        else:
            kind = {"float_list": {"value": values}}
        features[name] = tf.train.Feature(**kind)
    return tf.train.Example(features=tf.train.Features(feature=features))


def some(number: int) -> list[bytes]:
    draw = random.Random(0)
    return [
        canonical(
            example(
                label=[float(draw.random() < 0.3)],
                weight=[draw.choice([0.1, 0.7, 3.3])],
                at=[1_700_000_000 + n],
                user=[f"u{draw.randrange(5_000)}"],
                tags=["x"] * (n % 3),
            )
        )
        for n in range(number)
    ]


def test_order_and_batches_change_nothing() -> None:
    records = some(3_000)
    shuffled = random.Random(1).sample(records, len(records))

    whole = profile_of("1", [records], ASKED)

    batches = [shuffled[n : n + 37] for n in range(0, len(shuffled), 37)]
    assert profile_of("1", batches, ASKED) == whole


def test_numbers_are_those_of_the_examples() -> None:
    records = some(3_000)
    parsed = [tf.train.Example.FromString(r).features.feature for r in records]
    labels = [p["label"].float_list.value[0] for p in parsed]
    weights = [p["weight"].float_list.value[0] for p in parsed]
    users = {p["user"].bytes_list.value[0] for p in parsed}

    profile = profile_of("1", [records], ASKED)

    weighted = sum(y * w for y, w in zip(labels, weights, strict=True))
    assert profile.label_mean == pytest.approx(weighted / sum(weights), rel=1e-9)
    assert profile.columns["user"].distinct == pytest.approx(len(users), rel=0.1)
    assert profile.columns["tags"].filled == 2 / 3
    assert profile.columns["tags"].values == 1.0
    assert profile.columns["weight"].distinct is None
    assert (profile.earliest, profile.latest) == (1_700_000_000, 1_700_002_999)


@pytest.mark.parametrize(
    "change",
    [
        lambda records: records[:-1],
        lambda records: [*records, records[0]],
        lambda records: [canonical(example(label=[1.0], at=[5])), *records[1:]],
    ],
    ids=["one less", "one twice", "one changed"],
)
def test_content_changes_with_any_example(
    change: Callable[[list[bytes]], list[bytes]],
) -> None:
    records = some(10)

    before, after = (
        profile_of("1", [examples], ASKED).content
        for examples in (records, change(records))
    )

    assert before != after
    assert len(before) == 32


def test_an_example_is_the_same_however_it_is_serialized() -> None:
    one = example(a=[1], b=["x"], c=[0.5])
    other = example(c=[0.5], b=["x"], a=[1])

    assert (
        canonical(one)
        == canonical(other)
        == canonical(other.SerializeToString(deterministic=False))
    )


def test_a_span_without_label_or_time_is_told_as_such() -> None:
    records = [canonical(example(a=[n])) for n in range(3)]

    profile = profile_of("1", [records], Asked("label"))

    assert (profile.label_mean, profile.earliest, profile.latest) == (None, None, None)
    assert profile.columns["a"].distinct == 3


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"a": [1]}, "Span 7: column `at` is in none of its examples"),
        ({"at": [1, 2]}, "column `at` has 2 values in an example"),
        ({"at": [1.5]}, "column `at` holds float; floats of 32 bits cannot tell"),
        ({"at": [1_700_000_000_000]}, "milliseconds since 1970, .*1700000000000"),
        ({"at": ["soon"]}, "column `at` is no time: 'soon'"),
    ],
)
def test_an_example_without_a_time_is_refused(columns: Any, told: str) -> None:
    records = [canonical(example(**columns))]

    with pytest.raises(BadInputError, match=told):
        profile_of("7", [records], Asked("label", time="at"))
