"""Which spans are counted, and which vocabularies are refused to go on from."""

from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.contracts.living_state import VocabularyError
from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    load_vocabularies,
)
from shardline.components.contracts.spans.plan import Base, PlannedSpan, SpanPlan
from shardline.components.features.living.counting import (
    Counting,
    columns_of,
    counting_of_plan,
    counting_of_spans,
)
from shardline.components.features.living.files import write_table
from shardline.components.features.living.update import Before, updated
from shardline.configs.schema import Feature, FeatureSet, Ids, Living, Table, Target

counts_of = load(Path(__file__).with_name("test_update.py")).counts_of


def preprocessing_of(living: Living | None = None, **features: Feature) -> Any:
    """Returns features `user` and `item`, each with a table, and changes of them."""
    both = {
        "user": Feature(table="user", column="user_id"),
        "item": Feature(table="item"),
    }
    features = both | features
    tables = {f.table: Table(dim=1) for f in features.values()}
    tables["user"] = Table(dim=1, living=living)
    return (
        FeatureSet(features=features, tables=tables)
        .preprocessing(Target())
        .with_living()
    )


def planned(*names: str) -> tuple[PlannedSpan, ...]:
    spans = []
    for name in names:
        span, _, part = name.partition("/")
        spans.append(PlannedSpan(span=span, digest="d", part=part or "all"))
    return tuple(spans)


def plan_of(folder: Path | None, train: list[str], new: list[str]) -> SpanPlan:
    base = None
    if folder:
        base = Base(
            checkpoint="c",
            vocabularies=str(folder),
            transform_graph="g",
            steps=1,
            spans=("1",),
        )
    return SpanPlan(train=planned(*train), new=tuple(new), base=base)


def saved(folder: Path, *tables: str, spans: tuple[str, ...] = ("1", "2")) -> Path:
    """Writes vocabularies of age 2."""
    preprocessing = preprocessing_of()
    folder.mkdir()
    written = {}
    for table in tables:
        rules = preprocessing.vocabularies[table]
        update = updated(Before(), {1: counts_of({b"a": 1})}, rules, 1)
        columns = columns_of(preprocessing, table)
        written[table] = write_table(str(folder), table, Before(), update, columns)
    LivingVocabularies(tables=written, spans=spans, updates=2).save(str(folder))
    return folder


def test_first_run_counts_what_is_new() -> None:
    counting = counting_of_plan(plan_of(None, ["3", "4"], ["3", "4"]), None)

    assert counting == Counting({"3": 1, "4": 2}, spans=("3", "4"))
    assert counting.age == 2
    assert counting.before("user").capacity is None


def test_later_run_goes_on_from_its_base(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item")
    plan = plan_of(folder, ["2", "3"], ["3"])

    counting = counting_of_plan(plan, preprocessing_of())

    assert (counting.ages, counting.age) == ({"3": 3}, 3)
    assert counting.spans == ("1", "2", "3")
    before = counting.before("user")
    assert (before.age, before.capacity) == (2, 1000)
    assert before.state.column("token").to_pylist() == [b"a"]


def test_span_that_was_counted_is_not_counted_again(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item")

    counting = counting_of_plan(
        plan_of(folder, ["2", "3"], ["2", "3"]), preprocessing_of()
    )

    assert counting.ages == {"3": 3}


def test_head_and_tail_of_a_span_are_one(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item", spans=("1", "2/head"))
    parts = ["2/tail", "3/head"]

    counting = counting_of_plan(plan_of(folder, parts, parts), preprocessing_of())

    assert counting.ages == {"2/tail": 2, "3/head": 3}


def test_run_without_new_spans_keeps_the_age(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item")

    counting = counting_of_plan(plan_of(folder, ["2"], []), preprocessing_of())

    assert (counting.ages, counting.age) == ({}, 2)


def test_table_that_is_new_begins(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user")

    counting = counting_of_plan(plan_of(folder, ["3"], ["3"]), preprocessing_of())

    before = counting.before("item")
    assert (before.state.num_rows, before.capacity, before.age) == (0, None, 2)


def test_vocabularies_of_other_tables_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user")
    features = FeatureSet(
        features={"movie": Feature(table="movie")}, tables={"movie": Table(dim=1)}
    )

    with pytest.raises(
        VocabularyError, match=r"of other tables \(user\) than .* \(movie\)"
    ):
        counting_of_plan(
            plan_of(folder, ["3"], ["3"]), features.preprocessing(Target())
        )


def test_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item")
    renamed = preprocessing_of(user=Feature(table="user", column="device"))

    with pytest.raises(VocabularyError, match="takes them from `device`"):
        counting_of_plan(plan_of(folder, ["3"], ["3"]), renamed)


def test_table_that_gained_a_column_goes_on(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item")
    more = preprocessing_of(friend=Feature(table="user"))

    counting = counting_of_plan(plan_of(folder, ["3"], ["3"]), more)

    assert counting.before("user").state.num_rows == 1


def test_capacity_that_shrank_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user", "item")

    with pytest.raises(VocabularyError, match=r"Table `user`: .* has 1,000 rows"):
        counting_of_plan(
            plan_of(folder, ["3"], ["3"]), preprocessing_of(Living(capacity=999))
        )


def test_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="holds no living vocabularies"):
        counting_of_plan(plan_of(tmp_path, ["3"], ["3"]), preprocessing_of())


@pytest.mark.parametrize("name", ["user", "item.tokens.parquet", "vocabularies.json"])
def test_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path / "base", "user", "item")
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))

    with pytest.raises(VocabularyError, match=f"{name} is damaged"):
        counting_of_plan(plan_of(folder, ["3"], ["3"]), preprocessing_of())


def test_spans_of_one_job_are_counted_in_their_order() -> None:
    counting = counting_of_spans(["b", "a"])

    assert counting.ages == {"b": 1, "a": 2}


def test_columns_of_a_table_name_crosses_by_both() -> None:
    preprocessing = preprocessing_of(
        pair=Feature(table="pair", cross=("user_id", "item")),
        bucket=Feature(table="bucket", ids=Ids(hash_buckets=3)),
    )

    assert columns_of(preprocessing, "pair") == ("user_id x item",)
    assert columns_of(preprocessing, "item") == ("item",)


def test_saved_vocabularies_say_which_spans(tmp_path: Path) -> None:
    folder = saved(tmp_path / "base", "user")

    assert load_vocabularies(str(folder)).spans == ("1", "2")
