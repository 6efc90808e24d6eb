"""The vocabularies of a job become an artifact, whole or not at all."""

import shutil
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.contracts.living_state import VocabularyError
from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    TableChanges,
    load_vocabularies,
)
from shardline.components.features.living.artifact import save_vocabularies
from shardline.components.features.living.counting import Counting
from shardline.components.features.living.files import write_table
from shardline.components.features.living.update import Before, updated
from shardline.configs.schema import Vocabulary

counts_of = load(Path(__file__).with_name("test_update.py")).counts_of


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, TableChanges]:
    """A folder as the job leaves it, and what it says of the table in it."""
    folder = tmp_path / "written"
    folder.mkdir()
    update = updated(Before(), {1: counts_of({b"a": 2})}, Vocabulary(), 1)
    return folder, write_table(str(folder), "user", Before(), update, ["user"])


def test_artifact_has_all_files_and_says_what_they_are(
    written: tuple[Path, TableChanges], tmp_path: Path
) -> None:
    folder, changes = written
    base = LivingVocabularies(
        tables={}, spans=("1",), updates=1, digest="parent", erased=3
    )
    counting = Counting({"2": 2}, "base", base, ("1", "2"))

    saved = save_vocabularies(
        str(tmp_path / "made"), str(folder), {"user": changes}, counting
    )

    assert load_vocabularies(str(tmp_path / "made")) == saved
    assert (saved.spans, saved.updates, saved.parent) == (("1", "2"), 2, "parent")
    assert saved.erased == 3
    names = ["user", "user.changes.csv", "user.tokens.parquet"]
    for name in names:
        copy, original = tmp_path / "made" / name, folder / name
        assert copy.read_bytes() == original.read_bytes()
    found = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert found == [*names, "vocabularies.json"]


def test_copy_that_is_not_what_was_written_is_told(
    written: tuple[Path, TableChanges], tmp_path: Path
) -> None:
    folder, changes = written
    shutil.copy(folder / "user.changes.csv", folder / "user")

    with pytest.raises(VocabularyError, match="user is damaged"):
        save_vocabularies(
            str(tmp_path / "made"), str(folder), {"user": changes}, Counting({"1": 1})
        )
    assert not (tmp_path / "made" / "vocabularies.json").exists()
