"""Findings have the lines of their paths, and come once each and in order."""

from pathlib import Path

import pytest

from shardline.components.checker.findings import Finding, finding_of, in_order
from shardline.configs.fault import Fault

TEXT = "features:\n  user: {table: user}\n  item:\n    table: item\n    column: sku\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(TEXT)
    return path


def test_findings_come_once_each_in_the_order_of_lines(config: Path) -> None:
    column = Finding(("features", "item", "column"), "feature `item`", "no.", "Do.")
    user = Finding(("features", "user", "ids"), "feature `user`", "odd.", "")

    located = in_order([column, user, column], config)

    assert [(one.line, one.finding) for one in located] == [(2, user), (5, column)]
    assert [one.text for one in located] == [
        f"{config}:2: feature `user`: odd.",
        f"{config}:5: feature `item`: no. Do.",
    ]


def test_column_is_shown_without_control_characters(config: Path) -> None:
    finding = Finding((), "label", "column `a\x1b` is odd.", "", "a\x1b")

    (located,) = in_order([finding], config)

    assert located.text == rf"{config}:1: label: column `a\x1b` is odd."


@pytest.mark.parametrize(
    ("fault", "message", "remedy"),
    [
        (Fault(("data",), "is faulty", "mend it"), "is faulty.", "Mend it."),
        (Fault(("data",), "is it?"), "is it?", ""),
        (Fault(("data",), "one line\nand another"), "one line\nand another.", ""),
    ],
)
def test_fault_of_the_configuration_is_a_finding(
    fault: Fault, message: str, remedy: str
) -> None:
    finding = finding_of(fault)

    assert (finding.message, finding.remedy) == (message, remedy)
    assert finding.config_path == ("data",)
    assert finding.is_fault
