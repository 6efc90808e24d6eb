"""A line of a vocabulary becomes free, and no other one moves."""

from pathlib import Path

from shardline.components.contracts.living_vocabulary import free_line
from shardline.components.eraser.vocabulary_lines import free_lines, freed_rows


def test_erased_line_is_free_and_others_stay_in_their_rows(tmp_path: Path) -> None:
    file = tmp_path / "user"
    file.write_text(f"ann\nbob\n{free_line(2)}\ncid\n")

    told = freed_rows(file, lambda token: token == b"ann")
    done = free_lines(file, lambda token: token == b"ann")

    assert told == done
    assert (done.erased, done.free) == ([0], [0, 2])
    assert file.read_text() == f"{free_line(0)}\nbob\n{free_line(2)}\ncid\n"
    assert free_lines(file, lambda token: token == b"ann") == ([], [0, 2])
