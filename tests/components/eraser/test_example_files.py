"""What is said of examples names an id, though none of the examples may hold it."""

from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.contracts.data_card import DataCard
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.eraser.example_files import erase_from_examples, tells_erased
from shardline.components.eraser.text import Blackening

scope_of_users = load("components/eraser/scopes.py").scope_of_users
BLACKENING = Blackening(scope_of_users(b"ann-2020"))


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("1 example without a row in `users`: keys such as 'ann-2020'", True),
        ("1 example without a row in `users`: keys such as 'ann-20201'", False),
    ],
)
def test_data_card_that_names_an_id_is_found_and_blackened(
    tmp_path: Path, line: str, is_told: bool
) -> None:
    card = DataCard(examples={"train": 1}, rows=1, lines=[line])
    (tmp_path / "reading.json").write_text(card.model_dump_json())

    assert tells_erased(tmp_path, BLACKENING) is is_told
    change = erase_from_examples(tmp_path, Erasure({}), BLACKENING)

    assert change.lines == int(is_told)
    assert not tells_erased(tmp_path, BLACKENING)
    assert "ann-2020'" not in (tmp_path / "reading.json").read_text()


def test_examples_without_a_data_card_name_none(tmp_path: Path) -> None:
    assert not tells_erased(tmp_path, BLACKENING)
