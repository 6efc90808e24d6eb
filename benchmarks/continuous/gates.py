"""Seeded faults that gates must close on, and clean runs that they must not."""

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.continuous.session import run
from benchmarks.serving.session import Outcome, Section, table_of


def _measure(_: int) -> Outcome:
    said = run("gates", "false_alarms", limit_s=3600)
    return Outcome({}, {"gates": said}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    said = outcome.found["gates"]
    faults = said["faults"].values()
    runs = sum(fault["runs"] for fault in faults)
    blocked = sum(fault["blocked"] for fault in faults)
    return [
        at_least("faulty runs that were blocked", 100 * blocked / runs, 100, "%"),
        at_least(
            "kinds of faults, each blocked by the gate for it",
            sum(fault["blocked_by_it"] == fault["runs"] for fault in faults),
            6,
            "kinds",
        ),
        at_least("clean runs", said["clean_runs"], 20, "runs"),
        at_most("clean runs that were blocked", said["false_alarms"], 1, "runs"),
    ]


def _table(outcome: Outcome) -> str:
    said = outcome.found["gates"]
    rows = [
        [
            name,
            fault["blocked_by"],
            *(
                f"{fault[key]} of {fault['runs']}"
                for key in ("blocked_by_it", "blocked")
            ),
        ]
        for name, fault in said["faults"].items()
    ]
    alarms = {seed: gates for seed, gates in said["clean"].items() if gates}
    which = "; ".join(f"seed {s}: {', '.join(gates)}" for s, gates in alarms.items())
    return "\n\n".join(
        [
            table_of(["fault", "gate for it", "closed", "blocked by any"], rows),
            f"Of {said['clean_runs']} clean runs {said['false_alarms']} were blocked"
            f"{f' ({which})' if which else ''}.",
        ]
    )


SECTION = Section("Gates: seeded faults and false alarms", _measure, _bars, _table)
