"""Ids that are keys of side files leave what is said of joins, and do not come back."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shardline_tests import Finished

from shardline.components.eraser.search import files_with

pytestmark = pytest.mark.slow
# Users without a row; the second is told from other numbers by its column alone.
USERS = ("user-0017", "21")
CONFIG = """
name: keyed
data:
  path: PLACE
  files:
    format: csv
    splits: {train: train.csv, eval: eval.csv}
    on_bad_example: skip
    max_bad_share: 0.1
    join:
      people: {files: people.csv, key: user_id, file_key: uid, columns: [town, age]}
  label: liked
features:
  user_id: {table: user}
  item: {table: item}
  town: {table: town, default: nowhere}
numbers:
  age: {missing: 0}
tables:
  user: {dim: 4}
  item: {dim: 4}
  town: {dim: 4}
training: {batch_size: 32, epochs: 1}
evaluation: {min_auc: 0}
"""


def write_data(folder: Path) -> None:
    """Users of whom some have no row in `people`; a row of it is without a key."""
    rng = np.random.default_rng(5)
    users = [*USERS, *(f"user-{n:04}" for n in range(30, 60))]
    for split, rows in {"train": 400, "eval": 200}.items():
        lines = ["user_id,item,liked"]
        for row in range(rows):
            item = rng.integers(12)
            liked = int(rng.random() < 0.2 + 0.05 * item)
            lines.append(f"{users[row % len(users)]},i{item},{liked}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    people = [f"{user},t{n % 4},{n + 20}" for n, user in enumerate(users[2:])]
    people.append(",nobody's,3")
    (folder / "people.csv").write_text("\n".join(["uid,town,age", *people, ""]))


def test_keys_without_a_row_are_erased_and_stay_away(
    shardline: Callable[..., Finished], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    write_data(tmp_path / "data")
    config, root, ids = tmp_path / "keyed.yaml", tmp_path / "run", tmp_path / "ids"
    config.write_text(CONFIG.replace("PLACE", str(tmp_path / "data")))
    ids.write_text("\n".join(USERS))
    first = shardline("run", config, "--output-dir", root)
    assert first.returncode == 0, "\n".join(first.lines)
    (card,) = (root / "artifacts/ReaderExampleGen/examples").glob("*/reading.json")
    told = "keys such as 'user-0017', '21'"
    assert told in card.read_text()
    assert json.loads(card.read_text())["without_row"] == {"people": 40}

    erased = shardline(
        *("erase", config, "--feature", "user_id", "--ids", ids),
        *("--output-dir", root),
    )

    assert erased.returncode == 0, "\n".join(erased.lines)
    black = "keys such as '[erased]', '[erased]'"
    assert black in card.read_text()
    assert files_with(root, [USERS[0].encode()]) == []
    assert not any(told in text for text in _texts(root))

    # The raw data still holds them: a run that reads it again names none of them.
    (tmp_path / "data" / "people.csv").open("a").write("user-9999,t1,4\n")
    again = shardline("run", config, "--output-dir", root)
    assert again.returncode == 0, "\n".join(again.lines)
    assert again.components["ReaderExampleGen"] != "reused"
    cards = (root / "artifacts/ReaderExampleGen/examples").glob("*/reading.json")
    newest = max(cards, key=lambda path: int(path.parent.name))
    assert newest != card
    assert black in newest.read_text()
    assert files_with(root, [USERS[0].encode()]) == []
    assert not any(told in text for text in _texts(root))


def _texts(root: Path) -> list[str]:
    """All files as text, whatever they are."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path.read_bytes().decode(errors="replace") for path in files]
