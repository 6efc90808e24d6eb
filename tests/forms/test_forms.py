"""Public data sets come in as their files are, by the YAML beside this file alone.

Made-up rows are written in the form of each data set. What preprocessing makes of them
is decoded, and must be the rows that were made up.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
import yaml
from shardline_tests import load

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "configs"
movielens, book_crossing, anime = (
    load(HERE / f"{name}.py") for name in ("movielens", "book_crossing", "anime")
)


class Form(NamedTuple):
    """A data set's form.

    Attributes:
        write: writes the files into a folder, and returns the rows that they hold.
        names: of these rows, by feature or number of the configuration.
    """

    write: Callable[[Path], list[dict[str, Any]]]
    names: Mapping[str, str]


_BOOKS = {name: name for name in "user book title author year place age".split()}
FORMS = {
    "movielens": Form(
        movielens.write,
        {name: name for name in "user movie title genres imdb tmdb".split()},
    ),
    "book_crossing_dump": Form(book_crossing.write_dump, _BOOKS),
    "book_crossing_tabs": Form(book_crossing.write_tabs, _BOOKS),
    "anime": Form(
        anime.write,
        {
            "user_id": "user",
            "anime_id": "anime",
            "genres": "genres",
            "kind": "kind",
            "gender": "gender",
            "episodes": "episodes",
        },
    ),
}
# What a token is that the vocabulary lacks.
OUT = "<out of vocabulary>"


class Brought(NamedTuple):
    """A data set that was written in its form.

    Attributes:
        form: its form.
        rows: what its files hold.
        config: its configuration, beside the files.
        section: the configuration's values.
    """

    form: Form
    rows: list[dict[str, Any]]
    config: Path
    section: dict[str, Any]


@pytest.fixture(scope="module", params=FORMS)
def brought(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Brought:
    """Each data set in turn."""
    return bring(request.param, tmp_path_factory.mktemp(request.param))


def bring(name: str, folder: Path) -> Brought:
    """Writes a data set and its configuration into a folder."""
    rows = FORMS[name].write(folder)
    config = folder / "config.yaml"
    text = (HERE / f"{name}.yaml").read_text().replace("path: .", f"path: {folder}")
    config.write_text(text)
    return Brought(FORMS[name], rows, config, yaml.safe_load(text))


def test_check_finds_no_fault(brought: Brought, shardline: Callable[..., Any]) -> None:
    checked = shardline("check", brought.config)

    assert checked.returncode == 0, "\n".join(checked.lines)
    assert "columns fit" in checked.text


def test_preprocessing_gives_the_rows_that_were_written(
    brought: Brought, shardline: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"

    done = shardline("preprocess", brought.config, "--output", out, "--format=parquet")

    assert done.returncode == 0, "\n".join(done.lines)
    decoder = Decoder(brought, out)
    train, evaluation = (decoder.rows(split) for split in ("train", "eval"))
    written = Counter(decoder.expected(row) for row in brought.rows)
    assert train
    assert evaluation
    assert train <= written
    rest = Counter(decoder.as_known(row) for row in (written - train).elements())
    assert evaluation == rest


class Decoder:
    """Turns transformed rows into what was written: tokens, and numbers unscaled."""

    def __init__(self, brought: Brought, out: Path) -> None:
        self.names = brought.form.names
        self.out = out
        self.label = brought.section["data"]["label"]
        self.features = brought.section["features"]
        self.numbers = brought.section.get("numbers", {})
        self.moments = json.loads((out / "report.json").read_text())["facts"]["numbers"]
        assets = out / "transform_graph" / "transform_fn" / "assets"
        self.vocabularies = {
            name: (assets / feature["table"]).read_text().splitlines()
            for name, feature in self.features.items()
        }

    def rows(self, split: str) -> Counter[tuple[Any, ...]]:
        """Returns the decoded rows of a split."""
        rows = pq.read_table(self.out / "parquet" / split).to_pylist()
        return Counter(
            (row[self.label], *(self.decoded(name, row[name]) for name in self.names))
            for row in rows
        )

    def expected(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Returns a row that was written, in the same form."""
        return (row["label"], *self._expected_values(row))

    def _expected_values(self, row: Mapping[str, Any]) -> Iterator[Any]:
        for name, key in self.names.items():
            value = row[key]
            if isinstance(value, list):
                yield tuple(value)
            elif value is None and name in self.features:
                yield self.features[name]["default"]
            else:
                yield value

    def as_known(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Returns such a row with `OUT` for tokens that the vocabularies lack."""
        return (row[0], *map(self._known, self.names, row[1:]))

    def _known(self, name: str, value: Any) -> Any:
        if name in self.numbers:
            return value
        if isinstance(value, tuple):
            return tuple(self._known(name, token) for token in value)
        return value if value in self.vocabularies[name] else OUT

    def decoded(self, name: str, value: Any) -> Any:
        """Returns the token of an id, the tokens of a list, or a number or None."""
        if isinstance(value, list):
            return tuple(self.decoded(name, each) for each in value)
        if name in self.features:
            vocabulary = self.vocabularies[name]
            return vocabulary[value] if value < len(vocabulary) else OUT
        moments = self.moments[name]
        unscaled = value * math.sqrt(moments["variance"]) + moments["mean"]
        if math.isclose(unscaled, moments["mean"], rel_tol=1e-6):
            return None  # What is missing becomes the mean.
        return round(
            math.expm1(unscaled) if self.numbers[name].get("log") else unscaled
        )


def test_shipped_configuration_reads_files_of_the_form_of_the_package(
    movielens_zip: Path, tmp_path: Path, shardline: Callable[..., Any]
) -> None:
    section = yaml.safe_load((CONFIGS / "movielens_files.yaml").read_text())
    del section["data"]["download"]
    section["data"]["path"] = str(movielens_zip)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(section))

    checked = shardline("check", config)

    assert checked.returncode == 0, "\n".join(checked.lines)
    assert "9 columns fit" in checked.text


@pytest.mark.slow
def test_run_of_movielens_publishes_a_model_that_has_learnt(
    tmp_path: Path, shardline: Callable[..., Any]
) -> None:
    brought = bring("movielens", tmp_path)

    ran = shardline("run", brought.config, "--output-dir", tmp_path / "run")

    assert ran.returncode == 0, "\n".join(ran.lines)
    assert len([*(tmp_path / "run" / "serving").glob("[0-9]*/saved_model.pb")]) == 1
