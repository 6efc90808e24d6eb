"""Publishers and agents killed at any moment, beside a reader of what they publish."""

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.serving.session import MODELS, Outcome, Section, run, table_of

_KILLS = 200


def _measure(_: int) -> Outcome:
    found = {}
    for how, arguments in {"random": [str(_KILLS)], "steps": []}.items():
        folder = MODELS / f"kills-{how}"
        folder.mkdir(parents=True, exist_ok=True)
        found[how] = run(f"kills/{how}", "kills", how, *arguments, folder)
    return Outcome({}, {"kills": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["kills"]

    def together(*names: str) -> int:
        return sum(counts[name] for counts in found.values() for name in names)

    return [
        at_least("processes killed", together("kills"), _KILLS, "kills"),
        at_most(
            "kills: broken or mixed versions that a reader saw",
            together("broken", "mixed"),
            0,
            "versions",
        ),
        at_most("kills: larger versions that vanished", together("decreased"), 0, ""),
        at_most("kills: left over by the next publisher", together("left_over"), 0, ""),
    ]


def _table(outcome: Outcome) -> str:
    found = outcome.found["kills"]
    header = ["kills", *next(iter(found.values()))]
    rows = [[how, *map(str, counts.values())] for how, counts in found.items()]
    return table_of(["moments", *header[1:]], rows)


SECTION = Section("publishers and agents that are killed", _measure, _bars, _table)
