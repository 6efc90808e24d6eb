"""A feature step that cannot be done ends with its reason and leaves nothing behind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.standalone import preprocess_standalone
from shardline.components.readers.files import BadInputError
from shardline.configs.schema import HeldOut

shared = load(Path(__file__).with_name("conftest.py"))
FEATURES, Source, files_of, row_of = (
    shared.FEATURES,
    shared.Source,
    shared.files_of,
    shared.row_of,
)
Run = Callable[..., Any]
Write = Callable[..., Path]


def left_over(folder: Path) -> list[str]:
    """Returns what jobs have left in a folder that is no whole output."""
    names = os.listdir(folder)
    return [n for n in names if n != "data" and not n.startswith(("output", "cache"))]


def partial(folder: Path) -> list[str]:
    """Returns folders of outputs that are not whole."""
    return [path.name for path in folder.glob("*.partial-*")]


BAD_ROWS = "label,user,tags,x,age,day\n1,u1,t0,1.0,3,0\n1,u1,t0,none,4,0\n7,u1,,1,5,0\n"


def test_bad_file_of_another_split_is_told_and_nothing_is_left(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder = csv_files(train=range(10))
    (folder / "test.csv").write_text(BAD_ROWS)
    files = files_of(splits={"train": "train*", "test": "test*"})

    with pytest.raises(BadInputError, match=r"test\.csv, line 3: column `x`"):
        run_standalone(Source(folder, files))

    assert left_over(tmp_path) == partial(tmp_path) == []
    assert not (tmp_path / "output-0").exists()


def test_id_out_of_range_is_told_with_feature_and_file(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(10))
    row = row_of(3) | {"age": 100}
    (folder / "train-2.csv").write_text(shared.csv_text([row]))

    with pytest.raises(
        BadInputError,
        match=r"train-2\.csv: Feature `age`: .* 0 to 99\. .* Found: 100\.$",
    ) as error:
        run_standalone(Source(folder, files_of()))

    assert "train-1.csv" not in str(error.value)
    assert partial(tmp_path) == []


def test_no_example_is_an_error(csv_files: Write, run_standalone: Run) -> None:
    folder = csv_files(train=range(10))
    files = files_of(held_out={"test": HeldOut(column="age", at_least=0)})

    with pytest.raises(
        ValueError,
        match=r"No example to analyse in split 'train': 1 files were read. "
        "`data.files.held_out.test` takes 10 of the first 10 examples .* column `age` "
        "goes from 0 to 9 there, and `at_least` is 0",
    ):
        run_standalone(Source(folder, files))


def test_place_that_reads_as_a_pattern_is_refused(
    csv_files: Write, tmp_path: Path
) -> None:
    source = Source(csv_files(train_1=range(3)), files_of(splits={"train": "train*"}))

    with pytest.raises(ValueError, match=r"has `\[` in it, which TensorFlow takes"):
        preprocess_standalone(
            source.examples,
            source.preprocessing,
            beam_runner("direct"),
            output=str(tmp_path / "out[1]"),
            file_formats=["tfrecord"],
        )
