"""Drafts of files in many forms are configurations, and say what the files hold."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.drafter.drafting import draft
from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.summary import summary
from shardline.configs import load_run
from shardline.configs.dialect import Dialect
from shardline.configs.schema import Run

forms = load(Path(__file__).with_name("forms.py"))
Drafted = Callable[..., Run]


@pytest.fixture
def drafted(tmp_path: Path) -> Drafted:
    """Drafts a configuration of the files in the folder `d`, and loads it."""
    (tmp_path / "d").mkdir()

    def run(*files: str, **options: Any) -> Run:
        paths = [str(tmp_path / "d" / file) for file in files] or [str(tmp_path / "d")]
        made = draft(paths, **options)
        assert all(line.isprintable() for line in made.text.splitlines()), made.text
        assert all(line.isprintable() for line in summary(made.choices))
        (tmp_path / "c.yaml").write_text(made.text)
        return load_run(tmp_path / "c.yaml")

    return run


def text_of(tmp_path: Path) -> str:
    return (tmp_path / "c.yaml").read_text()


def test_movielens(drafted: Drafted, tmp_path: Path) -> None:
    forms.movielens(tmp_path / "d")

    run = drafted()

    files = run.data.files
    assert files is not None
    assert files.splits == {"train": "ratings.csv"}
    assert files.dialect == Dialect()
    assert files.held_out["eval"].column == "timestamp"
    assert run.data.label == "rating"
    assert {name: side.key for name, side in files.join.items()} == {
        "movies": "movieId"
    }
    assert run.features["genres"].combiner == "mean"
    assert run.features["user_id"].column == "userId"
    assert "#   column title: text that differs" in text_of(tmp_path)
    assert "#   file tags.csv: has no column whose values" in text_of(tmp_path)


def test_book_crossing(drafted: Drafted, tmp_path: Path) -> None:
    forms.book_crossing(tmp_path / "d")

    run = drafted()

    files = run.data.files
    assert files is not None
    assert files.dialect == Dialect(delimiter=";")
    assert files.held_out["eval"].fraction == 0.1
    assert files.join["bx_books"].dialect == Dialect(
        delimiter=";", escape="\\", encoding="latin-1"
    )
    users = files.join["bx_users"]
    assert users.dialect == Dialect(
        delimiter=";", encoding="latin-1", missing=("NULL",)
    )
    assert users.list_separator == ", "
    assert run.numbers["age"].missing == "mean"
    assert run.features["location"].combiner == "mean"


def test_anime(drafted: Drafted, tmp_path: Path) -> None:
    forms.anime(tmp_path / "d")

    run = drafted()

    files = run.data.files
    assert files is not None
    assert files.splits == {"train": "rating.csv"}
    assert files.dialect == Dialect(delimiter="\t")
    assert files.join["anime"].columns["anime_rating"] == "rating"
    assert "-1 in 1" in text_of(tmp_path)
    assert "may mean `not rated`" in text_of(tmp_path)


def test_columns_without_names(drafted: Drafted, tmp_path: Path) -> None:
    forms.criteo(tmp_path / "d")

    run = drafted("day_0.tsv")

    assert run.name == "day_0"
    files = run.data.files
    assert files is not None
    assert len(files.dialect.header or ()) == 40
    assert run.data.label == "column_1"
    assert len(run.features) + len(run.numbers) == 39


def test_parquet_with_times_and_lists(drafted: Drafted, tmp_path: Path) -> None:
    n = 500
    table = {
        "user": [i % 30 for i in range(n)],
        "tags": [["a", "b"][: i % 3] for i in range(n)],
        "at": pa.array([1_700_000_000_000 + i for i in range(n)], pa.timestamp("ms")),
        "vector": [[0.5, 1.5]] * n,
        "label": [i % 2 for i in range(n)],
    }
    pq.write_table(pa.table(table), tmp_path / "d" / "a.parquet")

    run = drafted("a.parquet")

    files = run.data.files
    assert files is not None
    assert files.format == "parquet"
    assert str(files.held_out["eval"].at_least).startswith("2023-11-14 22:13:20")
    assert set(run.features) == {"user", "tags"}
    assert "column vector: lists of numbers that are not whole" in text_of(tmp_path)


def test_tfrecord(drafted: Drafted, tmp_path: Path) -> None:
    for part in range(3):
        file = str(tmp_path / "d" / f"part-{part}")
        with tf.io.TFRecordWriter(file) as writer:
            for i in range(50):
                example = tf.train.Example()
                column = example.features.feature
                column["user"].bytes_list.value.append(b"u%d" % (i % 9))
                column["tags"].int64_list.value.extend([1, 2, 3][: i % 3])
                column["label"].float_list.value.append(i % 2)
                writer.write(example.SerializeToString())

    run = drafted()

    files = run.data.files
    assert files is not None
    assert (files.format, files.splits) == ("tfrecord", {"train": "part-*"})
    assert run.features["tags"].combiner == "mean"
    assert "of part-0 and 2 more." in text_of(tmp_path)


def test_files_of_splits_are_told_by_their_names(
    drafted: Drafted, tmp_path: Path
) -> None:
    forms.write(tmp_path / "d" / "train.csv", forms.shop())
    forms.write(tmp_path / "d" / "test.csv", forms.shop())

    files = drafted().data.files

    assert files is not None
    assert files.splits == {"train": "train.csv", "eval": "test.csv"}
    assert not files.held_out


def test_many_columns(drafted: Drafted, tmp_path: Path) -> None:
    rows = forms.shop()
    more = [
        [f"c{i}" for i in range(200)],
        *([i % 7] * 200 for i in range(len(rows) - 1)),
    ]
    forms.write(
        tmp_path / "d" / "a.csv", [[*a, *b] for a, b in zip(rows, more, strict=True)]
    )

    assert len(drafted("a.csv").features) == 202


NAMES = [
    ["名前", "品物", "価格", "click"],
    ["x y", "x-y", "x.y", "X Y"],
    ["{}", "[]", "&a", "*b"],
    ["~", "- x", "%", "@"],
    ["yes", "null", "1", "on"],
    ["user: {id}", 'the "item"', "prix, unité", "clicked?"],
    ["a\x1b[31m", "b\nc", "#d", "click\u202e"],
    ["scores", "examples", "name", "features"],
    ["a_values", "a", "!!", "label"],
]


@pytest.mark.parametrize("names", NAMES)
def test_names_of_any_kind(drafted: Drafted, tmp_path: Path, names: list[str]) -> None:
    forms.write(tmp_path / "d" / "a.csv", forms.shop(*names))

    run = drafted("a.csv", label=names[3])

    columns = [f.column or n for n, f in run.features.items()]
    assert columns == names[:2]
    assert run.data.label == names[3]
    assert [n.column or name for name, n in run.numbers.items()] == [names[2]]


def test_label_and_time_can_be_named(drafted: Drafted, tmp_path: Path) -> None:
    rows = forms.shop("user", "item", "price", "click")
    times = [["at"], *([1_700_000_000 + i] for i in range(len(rows) - 1))]
    forms.write(
        tmp_path / "d" / "a.csv", [[*a, *b] for a, b in zip(rows, times, strict=True)]
    )

    run = drafted("a.csv", label="price", time="at", name="mine")

    assert (run.name, run.data.label) == ("mine", "price")
    assert "click" in [n.column or name for name, n in run.features.items()]
    with pytest.raises(DraftError, match="has no column `prize`; it has user, item"):
        drafted("a.csv", label="prize")
    with pytest.raises(DraftError, match="`user` cannot split the examples"):
        drafted("a.csv", time="user")


def test_words_of_labels(drafted: Drafted, tmp_path: Path) -> None:
    rows = [[*row[:3], ["no", "yes"][row[3]]] if i else row  # type: ignore[index]
            for i, row in enumerate(forms.shop())]  # fmt: skip
    forms.write(tmp_path / "d" / "a.csv", rows)

    files = drafted("a.csv").data.files

    assert files is not None
    assert files.label_words == {"yes": 1.0, "no": 0.0}


def test_row_with_other_cells_lets_bad_rows_be_skipped(
    drafted: Drafted, tmp_path: Path
) -> None:
    rows = forms.shop()
    rows[7] = rows[7][:2]
    forms.write(tmp_path / "d" / "a.csv", rows)

    files = drafted("a.csv").data.files

    assert files is not None
    assert files.on_bad_example == "skip"
    assert 0.0025 < files.max_bad_share < 0.1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("label\n" + "0\n1\n" * 20, "beside the label no column can be a feature"),
        ("a,b\n" + "x,y\nz,w\n" * 9, "no column seems to be a label .* It has a, b"),
        (
            "user,clicked\n" + "x,1\ny,1\n" * 9,
            "`clicked` seems to be the label, and is 1 in all 18 values .* two values",
        ),
        ("a,label\n", "a.csv has no row below its header"),
        ("a,b,c\nd\ne,f\ng,h,i,j\nk,l,m\nn\n", "a.csv is no table"),
        ("\0\0\0\0\0\0", "a.csv is no table"),
    ],
)
def test_what_cannot_be_drafted_is_an_error(
    drafted: Drafted, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "d" / "a.csv").write_text(content)

    with pytest.raises(DraftError, match=said) as caught:
        drafted("a.csv")

    assert re.search(r"[.:] ?", str(caught.value))
