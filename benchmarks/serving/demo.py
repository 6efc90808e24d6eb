"""The demo's model: answers as in training, and what compact tables cost."""

from typing import Any

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.serving.session import MODELS, Outcome, Section, run, table_of

_LIMIT_S = 1200
_CASES = 100  # of lookups, below which the comparison would say little


def _measure(_: int) -> Outcome:
    return Outcome(
        {}, {"demo": run("demo", "demo", MODELS / "demo", limit_s=_LIMIT_S)}, {}
    )


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["demo"]
    tables = found["validation"]["parity"].values()
    exact = [table for table in tables if table["form"] == "float32"]
    return [
        at_least(
            "demo: lookups that are compared with training",
            sum(table["examples"] + table["refused"] for table in tables),
            _CASES,
            "lookups",
        ),
        at_most(
            "demo: largest difference of a float32 table's rows to training",
            max(table["largest_difference"] for table in exact),
            0,
            "",
        ),
        at_most(
            "demo: lookups answered or refused otherwise than in training",
            sum(len(table["faults"]) for table in tables),
            0,
            "lookups",
        ),
        at_most(
            "demo: normalized entropy that compact tables cost",
            100 * found["precisions"]["increase"],
            100 * found["budget"],
            "%",
        ),
    ]


def _table(outcome: Outcome) -> str:
    header = ["tables", "bytes", "normalized entropy", "increase"]
    variants = outcome.found["demo"]["precisions"]["variants"]
    return table_of(header, [[name, *_cells(one)] for name, one in variants.items()])


def _cells(variant: dict[str, Any]) -> list[str]:
    return [
        f"{variant['table_bytes']:,}",
        f"{variant['normalized_entropy']:.5f}",
        f"{variant['increase']:+.4%}",
    ]


SECTION = Section(
    "the demo's model, some of its tables compact", _measure, _bars, _table
)
