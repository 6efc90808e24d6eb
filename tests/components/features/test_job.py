"""The feature step as Beam runs it: every row once, spans, what is bad."""

import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.features.reading.spans import damage_of
from shardline.components.readers.files import BadInputError
from shardline.configs.schema import Feature, FeatureSet, HeldOut, Ids, Table

shared = load(Path(__file__).with_name("conftest.py"))
example = load("components/readers/files/conftest.py").example
FEATURES, Source, files_of, row_of = (
    shared.FEATURES,
    shared.Source,
    shared.files_of,
    shared.row_of,
)
SPANS = files_of(splits={"train": "train-{SPAN}.csv"})
THREADS = ("--direct_running_mode=multi_threading", "--direct_num_workers=3")
Run = Callable[..., Any]
Write = Callable[..., Path]


def left_over(folder: Path) -> list[str]:
    """Returns what jobs have left in a folder that is no whole output."""
    names = os.listdir(folder)
    return [n for n in names if n != "data" and not n.startswith(("output", "cache"))]


def partial(folder: Path) -> list[str]:
    """Returns folders of outputs that are not whole."""
    return [path.name for path in folder.glob("*.partial-*")]


class Whole(NamedTuple):
    """A hundred rows in three files, each a span, and what one thread makes of them.

    Attributes:
        folder: of all that is there.
        source: the files.
        done: the job, without a cache.
        cache: folder with the counts of the first two spans.
    """

    folder: Path
    source: Any
    done: Any
    cache: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    data = shared.csv_in(folder, train_1=range(40), train_2=range(40, 70))
    source = Source(data, SPANS)
    shared.run_in(folder, source, cache=str(folder / "cache"))
    shared.csv_in(folder, train_10=range(70, 100))
    done = shared.run_in(folder, source, file_formats=["tfrecord", "parquet"])
    return Whole(folder, source, done, folder / "cache")


@pytest.fixture
def cache(whole: Whole, tmp_path: Path) -> str:
    """A copy of the cache."""
    return str(shutil.copytree(whole.cache, tmp_path / "cache"))


def test_rows_come_out_once_and_right(whole: Whole) -> None:
    done = whole.done

    rows = done.by_age("train")
    assert sorted(rows) == list(range(100))
    tokens = done.vocabulary("tag").splitlines()
    assert tokens == [b"t0", b"t1", b"t2"]
    for number, row in rows.items():
        assert row["tags"] == list(range(number % 4)), number
        assert row["label"] == number % 2
    assert done.report.examples == {"train": 100}
    assert done.report.statistics.examples == 100
    assert done.report.left_out == []
    assert sorted(os.listdir(done.output)) == [
        "examples",
        "parquet",
        "report.json",
        "transform_graph",
    ]
    assert left_over(whole.folder) == partial(whole.folder) == []


def test_threads_change_nothing(whole: Whole, run_standalone: Run) -> None:
    one, many = whole.done, run_standalone(whole.source, *THREADS)

    assert many.report.statistics == one.report.statistics
    assert many.by_age("train") == one.by_age("train")
    for table in ("user", "tag"):
        assert many.vocabulary(table) == one.vocabulary(table)


@pytest.mark.parametrize("form", ["tfrecord", "parquet"])
def test_other_formats_give_the_same(
    form: str, whole: Whole, run_standalone: Run, tmp_path: Path
) -> None:
    rows = [row_of(number) for number in range(100)]
    folder = tmp_path / "data"
    folder.mkdir()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), folder / "train", row_group_size=30)
    else:
        with tf.io.TFRecordWriter(str(folder / "train")) as file:
            for row in rows:
                file.write(example(row | {"label": float(row["label"])}))

    done = run_standalone(Source(folder, files_of(format=form)))

    assert done.by_age("train") == whole.done.by_age("train")
    assert done.vocabulary("user") == whole.done.vocabulary("user")


def test_held_out_rows_make_their_split_and_are_not_analysed(
    csv_files: Write, run_standalone: Run
) -> None:
    folder = csv_files(train=range(60), test=range(60, 80))
    files = files_of(
        splits={"train": "train*", "test": "test*"},
        held_out={"validation": HeldOut(column="age", at_least=50)},
    )

    done = run_standalone(Source(folder, files))

    assert done.report.examples == {"train": 50, "validation": 10, "test": 20}
    assert sorted(done.by_age("train")) == list(range(50))
    assert sorted(done.by_age("validation")) == list(range(50, 60))
    assert sorted(done.by_age("test")) == list(range(60, 80))
    assert done.report.statistics.examples == 50


def test_spans_that_were_counted_are_not_counted_again(
    whole: Whole, cache: str, run_standalone: Run
) -> None:
    done = run_standalone(whole.source, cache=cache)

    assert whole.done.report.reused == ()
    assert done.report.reused == ("1", "2")
    assert done.report.statistics == whole.done.report.statistics
    assert done.by_age("train") == whole.done.by_age("train")
    assert done.vocabulary("user") == whole.done.vocabulary("user")


def test_changed_file_is_counted_again(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(40), train_2=range(40, 70))
    cache = str(tmp_path / "cache")
    run_standalone(Source(folder, SPANS), cache=cache)
    (folder / "train-2.csv").write_text(shared.csv_text([row_of(9)]))

    done = run_standalone(Source(folder, SPANS), cache=cache)

    assert done.report.reused == ("1",)
    assert done.report.statistics.examples == 40 + 1


def test_other_features_are_counted_anew(
    whole: Whole, cache: str, run_standalone: Run
) -> None:
    added = Feature(table="user", column="tags", combiner="sum")
    features = FEATURES.model_copy(
        update={"features": {**FEATURES.features, "added": added}}
    )

    done = run_standalone(replace(whole.source, features=features), cache=cache)

    assert done.report.reused == ()


def test_other_rules_of_a_vocabulary_use_the_same_counts(
    whole: Whole, cache: str, run_standalone: Run
) -> None:
    rules = Table(dim=1, min_count=11, oov_rows=5)
    tables = {**FEATURES.tables, "user": rules}
    features = FEATURES.model_copy(update={"tables": tables})

    done = run_standalone(replace(whole.source, features=features), cache=cache)

    assert done.report.reused == ("1", "2")
    known = done.report.statistics.vocabularies["user"]
    assert known.size < known.distinct
    # The most frequent of all tokens, and those that occur often enough.
    assert whole.done.vocabulary("user").startswith(done.vocabulary("user"))
    assert len(done.vocabulary("user").splitlines()) == known.size


BAD_ROWS = "label,user,tags,x,age,day\n1,u1,t0,1.0,3,0\n1,u1,t0,none,4,0\n7,u1,,1,5,0\n"


def test_bad_rows_are_left_out_and_counted_once(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(10, 20))
    (folder / "train-2.csv").write_text(BAD_ROWS)
    files = files_of(
        splits={"train": "train-{SPAN}.csv"},
        held_out={"validation": HeldOut(column="age", at_least=15)},
        on_bad_example="skip",
        max_bad_share=0.2,
    )
    cache = str(tmp_path / "cache")

    # Kept from the first job, then read anew while counts come from the cache.
    first = run_standalone(Source(folder, files), cache=cache)
    again = run_standalone(Source(folder, files), cache=cache)

    assert first.report.reused == ()
    assert again.report.reused == ("1", "2")
    for done in (first, again):
        counts = [line for line in done.report.left_out if "left out:" in line]
        assert sorted(line.partition(":")[0] for line in counts) == (
            ["1 example left out"] * 2
        )
        assert any("line 3: column `x`" in line for line in done.report.left_out)
        assert sorted(done.by_age("train")) == [3, *range(10, 15)]
        assert done.report.examples == {"train": 6, "validation": 5}
        assert done.told()["left_out"] == done.report.left_out


def test_all_bad_files_are_told_and_nothing_is_left(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(10))
    (folder / "train-2.csv").write_text(BAD_ROWS)
    (folder / "train-3.csv").write_text(BAD_ROWS.replace("none", "many"))
    cache = tmp_path / "cache"

    with pytest.raises(BadInputError, match=r"train-2\.csv, line 3: column `x`") as e:
        run_standalone(Source(folder, files_of()), cache=str(cache))

    assert "train-3.csv, line 3" in str(e.value)
    assert left_over(tmp_path) == []
    assert len(os.listdir(folder)) == 3
    assert partial(tmp_path) == []
    assert not (tmp_path / "output-0").exists()
    assert not cache.exists() or os.listdir(cache) == []


def test_parquet_has_the_values_of_the_records(whole: Whole) -> None:
    table = pq.read_table(whole.done.output / "parquet" / "train")
    assert table.schema.field("user").type == pa.int64()
    assert table.schema.field("x").type == pa.float32()
    assert pa.types.is_large_list(table.schema.field("tags").type)
    found = {row["age"]: row for row in table.to_pylist()}
    assert found == whole.done.by_age("train")


def test_parquet_keeps_lists_where_each_row_has_one_id(
    csv_files: Write, run_standalone: Run
) -> None:
    # Rows 1, 5, 9, ... have one tag each.
    folder = csv_files(train=range(1, 40, 4))

    done = run_standalone(Source(folder, files_of()), file_formats=["parquet"])

    table = pq.read_table(done.output / "parquet" / "train")
    assert table.column("tags").to_pylist() == [[0]] * 10
    assert not (done.output / "examples").exists()


def test_features_without_any_vocabulary_run(
    csv_files: Write, run_standalone: Run
) -> None:
    features = FeatureSet(
        features={"age": Feature(table="age", ids=Ids(range=100))},
        tables={"age": Table(dim=1)},
    )

    done = run_standalone(Source(csv_files(train=range(5)), files_of(), features))

    assert sorted(done.by_age("train")) == [0, 1, 2, 3, 4]


def change(file: Path) -> None:
    """Changes the last byte, and no size."""
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


OF_COUNTS = pytest.mark.parametrize("name", ["user-*", "summary.json", "whole.json"])


@OF_COUNTS
@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        change,
        lambda file: file.write_bytes(pickle.dumps(Hostile())),
    ],
)
def test_damage_of_counts_is_found(
    name: str, damage: Callable[[Path], Any], cache: str
) -> None:
    damaged = next(Path(cache).glob(f"counts-*/{name}"))
    assert damage_of(str(damaged.parent)) == ""
    damage(damaged)

    told = damage_of(str(damaged.parent))

    assert told is not None
    assert told.startswith(str(damaged))
    assert not Hostile.ran


@OF_COUNTS
def test_damaged_counts_are_made_again(
    name: str, whole: Whole, cache: str, run_standalone: Run
) -> None:
    damaged = next(Path(cache).glob(f"counts-*/{name}"))
    damaged.write_bytes(pickle.dumps(Hostile()))

    again = run_standalone(whole.source, cache=cache)

    assert len(again.report.reused) == 1
    assert again.report.statistics == whole.done.report.statistics
    (told,) = again.report.damaged
    assert told.startswith(str(damaged))
    assert not Hostile.ran
    assert len(run_standalone(whole.source, cache=cache).report.reused) == 3


class Hostile:
    """What runs code where it is unpickled."""

    ran: ClassVar[list[bool]] = []

    def __reduce__(self) -> Any:
        return Hostile.ran.append, (True,)


def test_file_that_was_added_to_counts_is_not_counted(
    whole: Whole, cache: str, run_standalone: Run
) -> None:
    shard = next(Path(cache).glob("counts-*/user-*"))
    shutil.copy(shard, shard.with_name("user-99"))

    again = run_standalone(whole.source, cache=cache)

    assert again.report.statistics == whole.done.report.statistics
    assert again.report.damaged == (f"{shard.with_name('user-99')} was not there",)
