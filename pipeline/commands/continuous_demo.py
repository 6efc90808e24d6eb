"""What a model that lives is worth, by months; `make demo-continuous` starts it.

For each month: the published model, which goes on from the month before; one trained
from scratch on all months until then, with the same settings; and the first model,
never updated. All are judged on the month after. Then it asks published models for
movies that were new to them.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from shardline.components.readers import datasets
from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.pipeline.commands.console import console, print_line
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.terminal.native_output import stderr_held_back

_FEATURE, _TABLE = "movie_id", "movie"
_UNKNOWN_MOVIE = b"no such movie"


class NewMovies(NamedTuple):
    """How published models answer for the movies that a month brought.

    Attributes:
        trained: the month.
        movies: how many it brought, that the user has not rated.
        before: for how many of them the version before answers otherwise than for a
            movie that it never saw.
        since: likewise for this month's version.
        shift: how much the score of such a movie changes, in the mean.
    """

    trained: str
    movies: int
    before: int
    since: int
    shift: float


def results_of(run: Run, run_folder: RunFolder) -> Iterator[dict[str, Any]]:
    """Yields for each month what there is to print, each model trained when asked.

    Args:
        run: the configuration.
        run_folder: where its runs came to their end.

    Raises:
        NoSpansError: if there was none.
    """
    from shardline.pipeline.commands.from_scratch import train_from_scratch
    from shardline.pipeline.commands.span_results import span_results

    results = span_results(run, run_folder)
    for count, result in enumerate(results, 1):
        metrics, steps = train_from_scratch(run, results[:count])
        yield {
            "trained": result.trained,
            "judged_on": result.judged_on,
            "version": result.version,
            "warm": {**result.metrics, "steps": result.steps},
            "from_scratch": {**metrics, "steps": steps},
            "never_updated": result.baseline,
            "unknown": result.unknown[_FEATURE],
            "unknown_to_never_updated": result.unknown_to_baseline[_FEATURE],
        }


def new_movies_of(
    run: Run, run_folder: RunFolder, archive: Path, user: str
) -> Iterator[NewMovies]:
    """Asks published models, as clients would, for movies that were new.

    Args:
        run: the configuration.
        run_folder: where its runs came to their end.
        archive: the MovieLens archive.
        user: whose requests they are.
    """
    from shardline.components.features.living.diff import changes_between
    from shardline.components.readers.movielens import candidate_examples
    from shardline.pipeline.commands.span_results import span_results

    results = span_results(run, run_folder)
    requests = candidate_examples(str(archive), user)
    for before, since in itertools.pairwise(results):
        change = changes_between(before.base.vocabularies, since.base.vocabularies)
        tokens = change[_TABLE].admitted.column("token").to_pylist()
        names = [token.decode() for token in tokens]
        asked = [requests[name] for name in names if name in requests]
        of_new = [example.SerializeToString() for example in asked]
        of_unknown = [_of_unknown_movie(example) for example in asked]
        shifts = [
            _shifts(run_folder.serving / one.version, of_new, of_unknown)
            for one in (before, since)
        ]
        known = [int(np.count_nonzero(shift)) for shift in shifts]
        yield NewMovies(
            since.trained, len(asked), known[0], known[1], float(np.mean(shifts[1]))
        )


def _shifts(model: Path, requests: list[bytes], others: list[bytes]) -> np.ndarray:
    """Returns how far a model's scores of requests are from those of others."""
    from shardline.pipeline.commands.movielens_demo import scores_of

    # A score's last bits go with its place in the request, so both are in the same.
    scores = [np.asarray(scores_of(model, of)) for of in (requests, others)]
    shifts: np.ndarray = np.abs(scores[0] - scores[1])
    return shifts


def _of_unknown_movie(example: Any) -> bytes:
    """Returns the request with a movie in place of its own that no model knows."""
    changed = type(example).FromString(example.SerializeToString())
    changed.features.feature[_FEATURE].bytes_list.value[:] = [_UNKNOWN_MOVIE]
    serialized: bytes = changed.SerializeToString()
    return serialized


def table_of(results: Sequence[dict[str, Any]]) -> Table:
    """Returns the models of all months as a table."""
    table = Table("Until", "Judged on", "Model")
    for column in ("AUC", "NE", "Steps", "Unknown"):
        table.add_column(column, justify="right")
    names = {
        "warm": "published",
        "from_scratch": "from scratch",
        "never_updated": "never updated",
    }
    for result in results:
        unknown = dict.fromkeys(names, result["unknown"])
        unknown["never_updated"] = result["unknown_to_never_updated"]
        for place, (model, name) in enumerate(names.items()):
            of = result[model]
            table.add_row(
                *((result["trained"], result["judged_on"]) if not place else ("", "")),
                name,
                f"{of['auc']:.4f}",
                f"{of['normalized_entropy']:.4f}",
                str(of.get("steps", "")),
                f"{unknown[model]:.1%}",
                end_section=model == "never_updated",
            )
    return table


def movies_table(found: Sequence[NewMovies]) -> Table:
    """Returns what was answered for new movies as a table."""
    table = Table("New movies of")
    for column in ("Asked for", "Known before", "Known since", "Mean shift of score"):
        table.add_column(column, justify="right")
    for one in found:
        counts = (str(n) for n in (one.movies, one.before, one.since))
        table.add_row(one.trained, *counts, f"{one.shift:.3f}")
    return table


def verdict_of(results: Sequence[dict[str, Any]]) -> str:
    """Returns in words how the published models did from the third month on."""
    later = results[2:]
    steps = {
        model: sum(one[model]["steps"] for one in later)
        for model in ("warm", "from_scratch")
    }
    lead, behind = (
        min(one["warm"]["auc"] - one[other]["auc"] for one in later)
        for other in ("never_updated", "from_scratch")
    )
    return (
        f"From the third month on, the published model leads the one never updated by "
        f"at least {lead:+.4f} AUC, is at worst {behind:+.4f} AUC from the one trained "
        f"from scratch, and took {steps['warm'] / steps['from_scratch']:.0%} of its "
        "steps."
    )


def _told(model: Mapping[str, float]) -> str:
    return f"AUC {model['auc']:.4f}, {model['steps']:.0f} steps"


def main() -> int:
    """Prints both tables, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Compare models by months.")
    parser.add_argument("config", help="configuration of the run")
    parser.add_argument("--output-dir", required=True, type=Path, help="run folder")
    parser.add_argument("--user", default="42", help="whom to ask models for")
    arguments = parser.parse_args()
    run = load_run(arguments.config)
    run_folder = RunFolder(arguments.output_dir.resolve())
    results = []
    try:
        archive = datasets.local_path(run.data, run_folder.data)
        print_line("Training from scratch on all months until each, to compare")
        with stderr_held_back():
            for result in results_of(run, run_folder):
                print_line(f"  {result['trained']}: {_told(result['from_scratch'])}")
                results.append(result)
            movies = list(new_movies_of(run, run_folder, archive, arguments.user))
    except (RuntimeError, ValueError) as error:
        print_line(str(error), "red")
        return 1
    console.print(table_of(results), markup=False, soft_wrap=True)
    print_line(verdict_of(results))
    console.print(movies_table(movies), markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
