"""What a check says of side files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.checker.checking import check
from shardline.components.checker.report import Report

_CONFIG = """
name: joined
data:
  path: {folder}
  label: label
  files:
    format: csv
    splits: {{train: examples.csv}}
    join:
      items: {{files: items.csv, key: item, file_key: id, columns: [title, tags]}}
tables: {{title: {{dim: 2}}, tag: {{dim: 2}}}}
features:
  title: {{table: title, default: ""}}
  tags: {{table: tag, combiner: mean}}
"""
_EXAMPLES = "item,label\n1,0\n2,1\n9,1\n,0\n"
_ITEMS = "id,title,tags\n1,One,a|b\n2,Two,\n"


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    def run(
        items: str = _ITEMS,
        examples: str = _EXAMPLES,
        change: tuple = ("", ""),
        further: tuple = ("", ""),
    ) -> Report:
        (tmp_path / "items.csv").write_text(items)
        (tmp_path / "examples.csv").write_text(examples)
        config = tmp_path / "c.yaml"
        text = _CONFIG.format(folder=tmp_path)
        config.write_text(text.replace(*change).replace(*further))
        return check(config, 100, lambda _: None)

    return run


def _faults(report: Report) -> str:
    return "\n".join(located.text for located in report.faults)


def test_joined_columns_are_checked_like_others(checked: Callable[..., Report]) -> None:
    report = checked()
    assert not report.faults
    found = {column.name: column for column in report.columns}
    assert found["title"].missing == 0.5
    assert found["item"].users == ("join `items`",)
    note = "2 of 4 sampled examples (50.00%) have no row in `items`."
    assert note in report.notes


def test_a_misspelt_column_of_side_files_is_a_fault(
    checked: Callable[..., Report],
) -> None:
    text = _faults(checked(items=_ITEMS.replace("title", "titel")))
    assert "c.yaml:10: join `items`" in text
    assert "Did you mean `titel`" in text


def test_a_misspelt_key_is_a_fault(checked: Callable[..., Report]) -> None:
    text = _faults(checked(change=("key: item,", "key: itme,")))
    assert "join `items`: column `itme` is not in the sample" in text
    assert "Did you mean `item`?" in text


def test_keys_that_never_meet_are_a_fault(checked: Callable[..., Report]) -> None:
    text = _faults(checked(examples="item,label\ni1,0\ni2,1\n"))
    assert "holds keys such as 'i1', 'i2', and none of them is in column `id`" in text


def test_a_column_that_examples_have_too_is_a_fault(
    checked: Callable[..., Report],
) -> None:
    text = _faults(checked(examples="item,label,title\n1,0,x\n"))
    assert "it has a column `title`" in text


def test_side_files_that_are_not_there_are_a_fault(
    checked: Callable[..., Report],
) -> None:
    text = _faults(checked(change=("items.csv", "itmes.csv")))
    assert "no file matches `itmes.csv`" in text


@pytest.mark.parametrize(
    "held_out",
    [
        "{eval: {fraction: 0.3}}",
        "{test: {column: title, fraction: 0.5}, eval: {fraction: 0.3}}",
        "{eval: {column: item, fraction: 0.3}}",
    ],
)
@pytest.mark.parametrize(
    ("items", "change"),
    [
        ("", ("", "")),
        ("id,title,tags\n1,One,a\n1,Two,b\n", ("", "")),
        (_ITEMS.replace("title", "titel"), ("", "")),
        (_ITEMS, ("items.csv", "itmes.csv")),
    ],
)
def test_a_join_at_fault_is_the_only_fault(
    items: str, change: tuple[str, str], held_out: str, checked: Callable[..., Report]
) -> None:
    """No split is blamed for columns that the examples need not have."""
    rows = "".join(f"{n},{n % 2}\n" for n in range(40))
    report = checked(
        items=items,
        examples=f"item,label\n{rows}",
        change=change,
        further=("    join:\n", f"    held_out: {held_out}\n    join:\n"),
    )
    assert [located.finding.who for located in report.faults] == ["join `items`"]


def test_a_misspelt_name_of_a_joined_column_is_told(
    checked: Callable[..., Report],
) -> None:
    text = _faults(checked(change=("[title, tags]", "[titel, tags]")))
    assert "column `title` is not in the sample. Did you mean `titel`?" in text
