"""MovieLens month by month: what `make demo-continuous` runs, beside other models."""

from typing import Any

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.continuous.session import CONFIG, RUN, run
from benchmarks.serving.session import Outcome, Section, table_of

# What is asked of the models holds from the third month on.
_FIRST_JUDGED = 2
_THOUSANDTHS = 1000


def _measure(_: int) -> Outcome:
    said = run("months", "months", CONFIG, RUN)
    versions = said.pop("versions")
    return Outcome({}, {"months": said}, versions)


def _leads(spans: list[dict[str, Any]], other: str) -> list[float]:
    """Returns by how many thousandths of AUC the published models lead another."""
    return [(s["warm"]["auc"] - s[other]["auc"]) * _THOUSANDTHS for s in spans]


def _bars(outcome: Outcome) -> list[Bar]:
    spans = outcome.found["months"]["spans"]
    movies = outcome.found["months"]["movies"]
    later = spans[_FIRST_JUDGED:]
    steps = [s["warm"]["steps"] / s["from_scratch"]["steps"] for s in later]
    all_steps = [
        sum(s[model]["steps"] for s in spans) for model in ("warm", "from_scratch")
    ]
    unit = "AUC/1000"
    return [
        at_least("months that were trained and judged", len(spans), 6, "months"),
        at_least(
            "lead of the published model over one never updated, the least from the "
            "third month on",
            min(_leads(later, "never_updated")),
            0,
            unit,
        ),
        at_least(
            "lead of the published model over one trained from scratch, the least from "
            "the third month on",
            min(_leads(later, "from_scratch")),
            -5,
            unit,
        ),
        at_most(
            "training steps of a published model / from scratch, the most from the "
            "third month on",
            max(steps),
            1 / 3,
        ),
        at_most(
            "training steps of all published models / from scratch",
            all_steps[0] / all_steps[1],
            1 / 3,
        ),
        at_least(
            "movies of a month that the next version knows, the least share",
            min(one["since"] / one["movies"] for one in movies) * 100,
            100,
            "%",
        ),
    ]


def _table(outcome: Outcome) -> str:
    found = outcome.found["months"]
    rows = [
        [
            span["trained"],
            span["judged_on"],
            *(
                f"{span[model][m]:.4f}"
                for m in ("auc", "normalized_entropy")
                for model in _MODELS
            ),
            *(str(span[model]["steps"]) for model in _MODELS[:2]),
            f"{span['unknown']:.1%}",
            f"{span['unknown_to_never_updated']:.1%}",
        ]
        for span in found["spans"]
    ]
    movies = [
        [
            one["trained"],
            *(str(one[key]) for key in ("movies", "before", "since")),
            f"{one['shift']:.3f}",
        ]
        for one in found["movies"]
    ]
    header = [
        "trained",
        "judged on",
        *(f"{m}, {n}" for m in ("AUC", "NE") for n in "abc"),
    ]
    header += ["steps, a", "steps, b", "unknown movies, a", "unknown movies, c"]
    return "\n\n".join(
        [
            table_of(header, rows),
            table_of(
                [
                    "new in",
                    "movies",
                    "known before",
                    "known since",
                    "mean shift of score",
                ],
                movies,
            ),
        ]
    )


_MODELS = ("warm", "from_scratch", "never_updated")
SECTION = Section("MovieLens month by month", _measure, _bars, _table)
