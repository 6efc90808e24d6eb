"""`shardline plan`, from files to table, JSON and pictures."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from typer.testing import CliRunner, Result

from shardline.components.planner.report import Plan
from shardline.pipeline.commands.app import app

ROWS = 90
TEXT = """\
name: sales
data:
  files:
    format: FORMAT
    splits: {train: "*.FORMAT"}
    held_out: {eval: {column: day, at_least: 60}}
  path: FOLDER
features:
  user: {table: user}
  tags: {table: tag, combiner: mean}
  item: {table: item, ids: {hash_buckets: 5}}
tables:
  user: {dim: 4, oov_rows: 2, min_count: 7}
  tag: {dim: 8, optimizer: {adam: {}}}
  item: {dim: 4}
training: {batch_size: 10, epochs: 1, hosts: 2}
"""


def user(row: int) -> str:
    return f"u{row * row % 11}"


def tags(row: int) -> list[str]:
    return list("abcde"[: row % 4])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Callable[..., Path]:
    """Writes examples in two files, and the configuration."""

    def write(form: str = "csv", **changes: str) -> Path:
        for part in (0, 1):
            rows = range(part, ROWS, 2)
            if form == "csv":
                lines = [
                    f"{user(r)},{'|'.join(tags(r))},i{r},{r},{r % 2}" for r in rows
                ]
                text = "\n".join(["user,tags,item,day,label", *lines])
                (folder / f"{part}.csv").write_text(text)
            else:
                write_tfrecord(folder / f"{part}.tfrecord", rows)
        text = TEXT.replace("FOLDER", str(folder)).replace("FORMAT", form)
        for old, new in changes.items():
            assert f"{old}:" in text
            text = text.replace(f"{old}:", new, 1)
        path = folder / "sales.yaml"
        path.write_text(text)
        return path

    return write


def write_tfrecord(path: Path, rows: range) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            example = tf.train.Example()
            values = example.features.feature
            values["user"].bytes_list.value.append(user(row).encode())
            values["tags"].bytes_list.value.extend(tag.encode() for tag in tags(row))
            values["item"].bytes_list.value.append(f"i{row}".encode())
            values["day"].int64_list.value.append(row)
            values["label"].float_list.value.append(row % 2)
            writer.write(example.SerializeToString())


def plan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)])


@pytest.mark.parametrize("form", ["csv", "tfrecord"])
def test_plan_counts_the_training_examples_of_all_files(
    config: Callable[..., Path], folder: Path, form: str
) -> None:
    result = plan(config(form), "--json", folder / "plan.json")

    assert result.exit_code == 0, result.output
    made = Plan.model_validate_json((folder / "plan.json").read_text())
    users = Counter(user(row) for row in range(60))
    seven = {name: count for name, count in users.items() if count >= 7}
    assert made.examples == 60
    assert made.tables["user"].distinct == len(users)
    assert made.tables["user"].vocabulary == len(seven)
    assert made.tables["user"].rows == len(seven) + 2
    assert made.tables["user"].out_of_vocabulary == pytest.approx(
        1 - sum(seven.values()) / 60
    )
    assert made.tables["tag"].lookups == sum(len(tags(row)) for row in range(60))
    assert made.tables["item"].colliding == 1
    assert made.features["tags"].most == 3
    assert (made.hosts, made.batch_size, made.sparse_cores) == (2, 10, 4)
    assert made.sampled_batches == 6


def test_plan_is_shown_as_tables(config: Callable[..., Path]) -> None:
    result = plan(config())

    assert "Tables of sales" in result.output
    assert "hash 5" in result.output
    assert "Ids a row (2 more features have always one)" in result.output
    assert "6 sampled batches of 10, 4 cores" in result.output
    assert "60 examples; " in result.output


def test_machine_of_the_command_line_comes_first(
    config: Callable[..., Path], folder: Path
) -> None:
    options = ["--hosts=3", "--batch-size=20", "--sparse-cores=2"]

    plan(config(), *options, "--json", folder / "plan.json")

    made = Plan.model_validate_json((folder / "plan.json").read_text())
    assert (made.hosts, made.batch_size, made.sparse_cores) == (3, 20, 2)
    assert len(made.tables["user"].host_shares) == 3


def test_job_without_training_has_one_host(
    config: Callable[..., Path], folder: Path
) -> None:
    path = config()
    path.write_text(path.read_text().partition("training:")[0])

    result = plan(path, "--json", folder / "plan.json")

    made = Plan.model_validate_json((folder / "plan.json").read_text())
    assert (made.hosts, made.batch_size) == (1, 1024)
    assert "There are 60 examples, less than one batch of 1,024" in result.output


def test_plots_are_drawn(config: Callable[..., Path], folder: Path) -> None:
    result = plan(config(), "--plots", folder / "plots")

    assert result.exit_code == 0, result.output
    names = ["frequencies.png", "host_balance.png", "ids_per_row.png"]
    assert sorted(path.name for path in (folder / "plots").iterdir()) == names


def test_nothing_is_left_behind(config: Callable[..., Path], folder: Path) -> None:
    plan(config(), "--json", folder / "plan.json")

    names = sorted(path.name for path in folder.iterdir())
    assert names == ["0.csv", "1.csv", "plan.json", "sales.yaml"]


def test_table_with_too_few_rows_is_told(config: Callable[..., Path]) -> None:
    path = config()
    path.write_text(path.read_text().replace("{dim: 8,", "{dim: 8, rows: 2,"))

    result = plan(path)

    assert result.exit_code == 0
    assert "Table `tag` needs 4 rows and has `rows: 2`." in result.output


def test_bad_example_ends_the_plan(config: Callable[..., Path], folder: Path) -> None:
    path = config()
    (folder / "2.csv").write_text("user,tags,item,day,label\nu1,a,i1,5,maybe\n")

    result = plan(path)

    assert result.exit_code == 1
    assert "2.csv, line 2: column `label` does not hold one float" in result.output


def test_bad_examples_that_are_skipped_are_told(
    config: Callable[..., Path], folder: Path
) -> None:
    skip = "on_bad_example: skip\n    max_bad_share: SHARE\n    splits:"
    path = config(splits=skip.replace("SHARE", "0.5"))
    (folder / "2.csv").write_text("user,tags,item,day,label\nu1,a,i1,5,maybe\n")

    result = plan(path)

    assert result.exit_code == 0
    assert "1 example left out: column `label` does not hold one float" in result.output

    result = plan(config(splits=skip.replace("SHARE", "0")))

    assert result.exit_code == 1
    assert "more than `data.files.max_bad_share` allows (0.00%)" in result.output


def test_column_that_no_example_has_ends_the_plan(
    config: Callable[..., Path], folder: Path
) -> None:
    path = config("tfrecord", tags="tagz:")

    result = plan(path)

    assert result.exit_code == 1
    assert "Column `tagz` is in none of the 60 examples of split 'train'" in (
        result.output
    )
    assert "Did you mean `tags`?" in result.output


def test_data_of_a_reader_are_refused(small_config: Callable[..., Path]) -> None:
    result = plan(small_config())

    assert result.exit_code == 1
    assert (
        "examples come from reader `shardline.components.readers.movielens"
        in result.output
    )


OWN = """
import tensorflow as tf
import tensorflow_transform as tft

def made(columns):
    label = tf.cast(columns["day"] / tft.max(columns["day"]) > 0.5, tf.int64)
    return {"late": label, "letters": tf.strings.bytes_split(columns["user"])}
"""


def test_columns_of_ones_own_function_are_planned(
    config: Callable[..., Path], folder: Path
) -> None:
    (folder / "own_plan_columns.py").write_text(OWN)
    derived = (
        "derived: {function: own_plan_columns.made, inputs: {user: {dtype: string}, "
        "day: {dtype: int64}}, outputs: {late: {dtype: int64}, "
        "letters: {dtype: string, ragged: true}}}\ntables:\n"
        "  late: {dim: 2}\n  letter: {dim: 2}"
    )
    features = (
        "features:\n  late: {table: late, ids: {range: 2}}\n"
        "  letters: {table: letter, combiner: sum}"
    )

    result = plan(
        config("tfrecord", tables=derived, features=features),
        "--json",
        folder / "plan.json",
    )

    assert result.exit_code == 0, result.output
    made = Plan.model_validate_json((folder / "plan.json").read_text())
    assert made.tables["late"].frequencies == [(1, 30), (2, 30)]
    letters = sum(len(user(row)) for row in range(60))
    assert made.tables["letter"].lookups == letters


def test_no_training_example_is_an_error(config: Callable[..., Path]) -> None:
    path = config()
    path.write_text(path.read_text().replace("at_least: 60", "at_least: -1"))

    result = plan(path)

    assert result.exit_code == 1
    assert "There is no training example to plan for." in result.output
    assert "and `at_least` is -1. Give a higher boundary." in result.output


def test_faulty_configuration_is_told(config: Callable[..., Path]) -> None:
    path = config(tables="tabels:")

    result = plan(path)

    assert result.exit_code == 1
    assert "unknown key `tabels`; did you mean `tables`?" in result.output
