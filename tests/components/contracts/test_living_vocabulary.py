"""What a LivingVocabulary artifact says of itself."""

from pathlib import Path

import pytest

from shardline.components.contracts.living_state import VocabularyError
from shardline.components.contracts.living_vocabulary import (
    FREE_LINE,
    LivingVocabularies,
    TableChanges,
    free_line,
    load_vocabularies,
)

CHANGES = TableChanges(
    capacity=30, capacity_before=20, live=21, admitted=3, evicted=2, kept=18,
    waiting=4, free=9, digest="d", state_digest="s", columns=("user_id",),
)  # fmt: skip
SAID = LivingVocabularies(tables={"user": CHANGES}, spans=("1", "2"), updates=2)


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    saved = SAID.save(str(tmp_path))

    assert load_vocabularies(str(tmp_path)) == saved
    assert len(saved.digest) == 64
    assert saved.save(str(tmp_path)).digest == saved.digest
    other = SAID.model_copy(update={"parent": saved.digest}).save(str(tmp_path))
    assert other.digest != saved.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"updates": 2', '"updates": 3', "its digest differs"),
        ('"spans": [', '"spans": [7,', "valid string"),
        ("}", "", "Invalid JSON"),
    ],
)
def test_damage_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    SAID.save(str(tmp_path))
    path = tmp_path / "vocabularies.json"
    path.write_text(path.read_text().replace(old, new, 1))

    with pytest.raises(VocabularyError, match=f"vocabularies.json is .*{message}"):
        load_vocabularies(str(tmp_path))


def test_folder_without_vocabularies_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_vocabularies(str(tmp_path))


def test_changes_are_told_in_a_line() -> None:
    assert str(CHANGES) == (
        "21 tokens in 30 rows, grown by 10: 18 kept, 3 admitted, 2 evicted"
    )


def test_line_of_a_free_row_is_a_line() -> None:
    assert free_line(7) == f"{FREE_LINE}7"
    assert not {"\r", "\n"} & set(free_line(7))
