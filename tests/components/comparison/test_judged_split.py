"""Labels, groups, slices and unknown tokens, from examples as readers write them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.comparison.judged_split import read_judged_split
from shardline.configs.schema import Evaluation, FeatureSet, Target

FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "user": {"table": "person"},
            "friends": {"table": "person", "max_sequence_length": 2},
            "city": {"table": "city", "default": "none"},
            "shop": {"table": "shop", "dtype": "int64"},
            "hour": {"table": "hour", "ids": {"range": 24}},
        },
        "tables": {t: {"dim": 4} for t in ("person", "city", "shop", "hour")},
    }
)
ROWS = [
    {
        "label": [float(number % 3 == 0)],
        "weight": [1.0 + number % 2],
        "user": [f"u{number % 4}"],
        "friends": [f"u{k}" for k in range(number % 5)],
        "city": ["Rome"] if number % 2 else [],
        "shop": [number % 3],
        "hour": [number % 24],
        "device": [["phone", "desk", "tv"][number % 7 % 3]],
        "tags": ["x", "y"][: number % 3],
    }
    for number in range(40)
]
TARGET = Target(label="label", example_weight="weight")


def tokens(**by_table: list[str]) -> dict[str, pa.Array]:
    return {
        table: pa.array([t.encode() for t in given], pa.large_binary())
        for table, given in by_table.items()
    }


def read(folder: Path, write_examples, rows=ROWS, sets=None, **evaluation):
    files = write_examples(folder / "examples", rows)
    settings = Evaluation(min_auc=0.5, **evaluation)
    return read_judged_split(files, FEATURES, TARGET, settings, sets or {})


def test_labels_weights_and_groups_are_those_of_the_examples(
    tmp_path: Path, write_examples
) -> None:
    found = read(tmp_path, write_examples, group_by="user").examples

    assert found.labels.tolist() == [row["label"][0] for row in ROWS]
    assert found.weights.tolist() == [row["weight"][0] for row in ROWS]
    names = [row["user"][0] for row in ROWS]
    pairs = {*zip(names, found.groups.tolist(), strict=True)}
    assert len(pairs) == len({*names}) == len({*found.groups.tolist()})
    assert found.group_by == "user"


def test_examples_without_weights_and_groups_count_once_each(
    tmp_path: Path, write_examples
) -> None:
    files = write_examples(tmp_path, ROWS)

    split = read_judged_split(
        files, FEATURES, Target(label="label"), Evaluation(min_auc=0.5), {}
    )

    assert split.examples.weights.tolist() == [1.0] * len(ROWS)
    assert split.examples.groups is None


def test_slices_hold_the_examples_of_each_value(tmp_path: Path, write_examples) -> None:
    found = read(tmp_path, write_examples, slices=("device", "tags", "shop")).slices

    for name, chosen in found.items():
        column, value = name.split(": ")
        expected = [value in map(str, row[column]) for row in ROWS]
        assert chosen.tolist() == expected
    devices = Counter(row["device"][0] for row in ROWS)
    assert [*found][:3] == [f"device: {value}" for value, _ in devices.most_common()]
    assert [*found][3:] == ["tags: x", "tags: y", "shop: 0", "shop: 1", "shop: 2"]


def test_only_the_most_frequent_values_are_slices(
    tmp_path: Path, write_examples
) -> None:
    rows = [row | {"device": [f"d{n % 60}"]} for n, row in enumerate(ROWS * 3)]

    found = read(tmp_path, write_examples, rows, slices=("device",)).slices

    assert len(found) == 50
    assert all(chosen.sum() == 2 for chosen in found.values())


def test_unknown_lookups_are_counted_as_they_are_looked_up(
    tmp_path: Path, write_examples
) -> None:
    known = {"u0", "u1", "u4"}
    sets = {"model": tokens(person=[*known], city=["none"], shop=["1"])}

    (members,) = read(tmp_path, write_examples, sets=sets).members.values()

    looked_up = {
        "user": [row["user"] for row in ROWS],
        # The newest two are kept.
        "friends": [row["friends"][-2:] for row in ROWS],
        # The default stands for what is missing.
        "city": [row["city"] or ["none"] for row in ROWS],
        "shop": [[str(row["shop"][0])] for row in ROWS],
    }
    of = {"user": known, "friends": known, "city": {"none"}, "shop": {"1"}}
    assert members.keys() == looked_up.keys()
    for feature, lists in looked_up.items():
        found = members[feature]
        assert found.lookups == sum(map(len, lists))
        assert found.inside == sum(t in of[feature] for ids in lists for t in ids)
        inside = [any(t in of[feature] for t in ids) for ids in lists]
        outside = [any(t not in of[feature] for t in ids) for ids in lists]
        assert found.any_inside.tolist() == inside
        assert found.any_outside.tolist() == outside


def test_table_that_a_model_does_not_have_is_left_out(
    tmp_path: Path, write_examples
) -> None:
    sets = {"model": tokens(city=["Rome"]), "other": {}}

    members = read(tmp_path, write_examples, sets=sets).members

    assert [*members["model"]] == ["city"]
    assert members["other"] == {}


def test_features_of_derived_columns_are_left_out(
    tmp_path: Path, write_examples
) -> None:
    derived = {
        "function": "some.module.f",
        "inputs": {"user": {"dtype": "string"}},
        "outputs": {"initial": {"dtype": "string"}},
    }
    features = FeatureSet.model_validate(
        {
            "features": {"user": {"table": "p"}, "initial": {"table": "p"}},
            "tables": {"p": {"dim": 4}},
            "derived": derived,
        }
    )
    files = write_examples(tmp_path, ROWS)

    split = read_judged_split(
        files, features, TARGET, Evaluation(min_auc=0.5), {"m": tokens(p=["u1"])}
    )

    assert [*split.members["m"]] == ["user"]


@pytest.mark.parametrize(
    ("changes", "evaluation", "message"),
    [
        ({}, {"group_by": "nobody"}, "`nobody`.* has no value"),
        ({}, {"slices": ("nothing",)}, "`nothing`.* has no value"),
        ({"user": ["a"] * 3}, {"group_by": "friends"}, "2 values in an example"),
        ({"label": []}, {}, "`label` .* must hold one number"),
        ({"weight": [1.0, 2.0]}, {}, "`weight` .* one holds 2"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    tmp_path: Path, write_examples, changes, evaluation, message
) -> None:
    rows = [row | changes | {"friends": ["u1", "u2"]} for row in ROWS]

    with pytest.raises(ValueError, match=message):
        read(tmp_path, write_examples, rows, **evaluation)


def test_examples_without_a_value_to_group_by_are_one_group(
    tmp_path: Path, write_examples
) -> None:
    rows = [row | {"device": []} if n % 2 else row for n, row in enumerate(ROWS)]

    groups = read(tmp_path, write_examples, rows, group_by="device").examples.groups

    assert len({*groups[1::2].tolist()}) == 1
    assert not {*groups[1::2].tolist()} & {*groups[::2].tolist()}


def test_no_example_is_nothing_to_judge_on(tmp_path: Path, write_examples) -> None:
    split = read(tmp_path, write_examples, [], group_by="user", slices=("device",))

    assert len(split.examples.labels) == 0
    assert split.slices == {}
    assert split.examples.groups.tolist() == np.zeros(0).tolist()
