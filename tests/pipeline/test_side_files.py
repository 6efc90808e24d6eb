"""What is made of examples is made anew when what is joined to them changes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shardline.components.readers.datasets import version_of
from shardline.configs import load_run
from shardline.pipeline.commands.app import app
from shardline.pipeline.pipeline import create_pipeline

CONFIG = """
name: shop
data:
  path: PLACE
  files:
    format: csv
    splits: {train: "day-*.csv", eval: eval.csv}
    join:
      items: {files: items.csv, key: item, columns: [title]}
  label: bought
features:
  item: {table: item}
  title: {table: title}
tables:
  item: {dim: 4}
  title: {dim: 4}
training: {batch_size: 8, epochs: 1}
evaluation: {min_auc: 0}
"""
JOIN = "files: items.csv, key: item, columns: [title]"


def longer(folder: Path) -> None:
    """Other titles."""
    file = folder / "data" / "items.csv"
    file.write_text(file.read_text().replace("wool", "cotton"))


def of_the_same_size_and_time(folder: Path) -> None:
    """Other titles, and nothing else that is not as before."""
    file = folder / "data" / "items.csv"
    facts = file.stat()
    file.write_text(file.read_text().replace("wool", "silk"))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def joined_by(join: str) -> Callable[[Path], None]:
    """Another join in the configuration."""

    def write(folder: Path) -> None:
        config = folder / "shop.yaml"
        assert JOIN in config.read_text()
        config.write_text(config.read_text().replace(JOIN, join))

    return write


CHANGES = {
    "content": longer,
    "files": joined_by("files: item*.csv, key: item, columns: [title]"),
    "key": joined_by("files: items.csv, key: other, file_key: item, columns: [title]"),
    "file_key": joined_by(
        "files: items.csv, key: item, file_key: id, columns: [title]"
    ),
    "columns": joined_by("files: items.csv, key: item, columns: {title: name}"),
    "dialect": joined_by(f"{JOIN}, dialect: {{missing: [wool]}}"),
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of examples of two days, and their items."""
    data = tmp_path / "data"
    data.mkdir()
    rows = "".join(f"i{n % 4},i{n % 3},{n % 2}\n" for n in range(12))
    for name in ("day-1", "day-2", "eval"):
        (data / f"{name}.csv").write_text(f"item,other,bought\n{rows}")
    items = "".join(f"i{n},i{3 - n},wool{n},name{n}\n" for n in range(4))
    (data / "items.csv").write_text(f"item,id,title,name\n{items}")
    path = tmp_path / "shop.yaml"
    path.write_text(CONFIG.replace("PLACE", str(data)))
    return path


def parameters(config: Path) -> dict[str, dict[str, Any]]:
    """What the components of a run are given, by which they are reused."""
    run = load_run(config)
    path = str(config.parent / "data")
    pipeline = create_pipeline(
        run,
        pipeline_root="/root",
        data_path=path,
        data_version=version_of(run.data, path),
        serving_dir="/serving",
    )
    return {node.id: dict(node.exec_properties) for node in pipeline.components}


@pytest.mark.parametrize("change", CHANGES)
def test_runs_read_anew_what_is_joined_in_another_way(
    config: Path, change: str
) -> None:
    before = parameters(config)
    assert parameters(config) == before

    CHANGES[change](config.parent)

    after = parameters(config)
    assert after["ReaderExampleGen"] != before["ReaderExampleGen"]


@pytest.mark.parametrize(
    "change", [*CHANGES.values(), of_the_same_size_and_time], ids=[*CHANGES, "no facts"]
)
def test_counts_of_preprocess_are_of_what_is_joined(
    config: Path, change: Callable[[Path], None]
) -> None:
    """Side files are known by all that is in them, for all of them is read."""
    cache, outputs = config.parent / "cache", iter(range(4))

    def told() -> str:
        output = config.parent / f"output{next(outputs)}"
        command = ["preprocess", str(config), "--cache", str(cache)]
        command += ["--input", f"{config.parent}/data/day-{{SPAN}}.csv"]
        result = CliRunner().invoke(app, [*command, "--output", str(output)])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    assert "counted before" not in told()
    assert "2 spans were counted before" in told()

    change(config.parent)

    assert "counted before" not in told()
    assert "2 spans were counted before" in told()
