"""Which columns stand beside a score, so that one knows what it is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shardline.components.scorer.score_rows import SCORE
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Job
from shardline.configs.shown import shown


def kept_columns(job: Job, named: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns to keep.

    Args:
        job: the configuration.
        named: by the user; without any, the columns of features with one id.

    Raises:
        ValueError: if there is none, one would be called as the score, or one may hold
            several values.
    """
    kept = tuple(dict.fromkeys(named or _ids(job)))
    if not kept:
        raise ValueError(
            "No feature has one id in each example, so that nothing would tell what a "
            "score is of. Name columns with --keep."
        )
    if SCORE in kept:
        raise ValueError(
            f"Column `{SCORE}` cannot be kept, for the score is called so. Name others "
            "with --keep."
        )
    columns = raw_columns(job)
    for name in kept:
        if name in columns and columns[name].ragged:
            raise ValueError(
                f"Column `{shown(name)}` may hold several values, and one is to be "
                "kept. Name others with --keep."
            )
    return kept


def _ids(job: Job) -> Iterator[str]:
    """Yields the columns of ids; of a number, or of intervals of one, none."""
    derived = job.derived.outputs if job.derived else {}
    for name, feature in job.features.items():
        column = feature.column or name
        is_id = job.ids_of(feature.table).kind != "quantiles"
        is_one = not (feature.is_ragged or feature.cross or column in derived)
        if is_id and is_one:
            yield column
