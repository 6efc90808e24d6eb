"""Rules of data in spans: how they are told, and what they leave no place for."""

from collections.abc import Iterator

from shardline.configs.column import Column
from shardline.configs.columns import raw_columns, reader_of
from shardline.configs.data import Data, Files
from shardline.configs.evaluation import Evaluation
from shardline.configs.fault import Fault, Part
from shardline.configs.feature_set import FeatureSet
from shardline.configs.shown import shown
from shardline.configs.span_names import read_span
from shardline.configs.spans import Spans
from shardline.configs.training import Training

SPAN, VERSION = "{SPAN}", "{VERSION}"

_SPANS = Part("data.spans", ("data", "spans"))
_SPLITS = Part("data.files.splits", ("data", "files", "splits"))
_HELD_OUT = Part("data.files.held_out", ("data", "files", "held_out"))
_EVALUATION = Part("evaluation", ("evaluation",))
# Spans make these two: what a model is trained on, and what it is judged on.
_MADE_SPLITS = ("train", "eval")


def span_faults(
    data: Data,
    evaluation: Evaluation | None,
    training: Training | None,
    feature_set: FeatureSet,
) -> Iterator[Fault]:
    """Yields what is said of spans, or needs them, and cannot be.

    Args:
        data: section `data`.
        evaluation: section `evaluation`, if there is one.
        training: section `training`, if there is one.
        feature_set: the features, whose columns files must hold.
    """
    if data.spans is None:
        yield from _without_spans(data.files, evaluation)
    else:
        yield from _told(data.spans, data.files)
        yield from _other_splits(data.files, training)
    if evaluation:
        yield from _judging(data.spans, evaluation)
    if data.files:
        yield from _columns(data, evaluation, feature_set)


def _without_spans(
    files: Files | None, evaluation: Evaluation | None
) -> Iterator[Fault]:
    for split, pattern in (files.splits if files else {}).items():
        for place in (SPAN, VERSION):
            if place in pattern:
                yield _SPLITS.fault(
                    f"`{split}` has {place}, which stands for spans, and there is no "
                    "`data.spans`",
                    "add it (`spans: {}` will do), or write * there",
                    key=split,
                )
    if evaluation and evaluation.on in ("next_span", "held_out"):
        yield _EVALUATION.fault(
            f"`on: {evaluation.on}` is for data in spans, and there is no `data.spans`",
            "add it, or leave `on` out",
            key="on",
        )
    if evaluation and "when_refused" in evaluation.model_fields_set:
        yield _EVALUATION.fault(
            "`when_refused` is for data in spans, and there is no `data.spans`",
            "remove it",
            key="when_refused",
        )


def _told(spans: Spans, files: Files | None) -> Iterator[Fault]:
    """Yields what is wrong with how spans are told."""
    pattern = files.splits["train"] if files else None
    if pattern is not None and SPAN not in pattern:
        if spans.column is None:
            yield _SPANS.fault(
                f"nothing tells the spans: pattern `{shown(pattern)}` of split `train` "
                f"has no {SPAN}, and there is no `column`",
                f"write {SPAN} where the name of a span stands, such as "
                f"day-{SPAN}/*.csv; or give a `column` of times, and `every`",
            )
        elif spans.every is None:
            yield _SPANS.fault(
                f"`column: {shown(spans.column)}` cuts the data into spans, and "
                "`every` does not say how long they are",
                "add it, such as `every: day`",
            )
        if VERSION in pattern:
            yield _SPLITS.fault(
                f"`train` has {VERSION}, and no {SPAN} that it is a version of",
                f"add {SPAN}",
                key="train",
            )
    for split, other in (files.splits if files else {}).items():
        for place in (SPAN, VERSION):
            if other.count(place) > 1:
                yield _SPLITS.fault(
                    f"`{split}` has {place} {other.count(place)} times, expected once",
                    "write * for the others",
                    key=split,
                )
    yield from _first(spans)


def _first(spans: Spans) -> Iterator[Fault]:
    if spans.first is None:
        return
    name = read_span(spans.first)
    if name is None:
        yield _SPANS.fault(
            f"`first: {shown(spans.first)}` is no span: neither a whole number nor a "
            "date as ISO 8601 has it, such as 2026-11-30, 2026-W48 or 2026-11",
            "name the first span that counts",
            key="first",
        )
    elif spans.every and name.every != spans.every:
        yield _SPANS.fault(
            f"`first: {shown(spans.first)}` is no {spans.every.replace('_', ' ')}, "
            f"and `every` is {spans.every}",
            "name a span of that length",
            key="first",
        )


def _other_splits(files: Files | None, training: Training | None) -> Iterator[Fault]:
    why = (
        "data in spans has no such split: a span is trained on, and another one judges"
    )
    for split in files.splits if files else {}:
        if split != "train":
            yield _SPLITS.fault(f"`{split}`: {why}", "remove it", key=split)
    for split in files.held_out if files else {}:
        yield _HELD_OUT.fault(
            f"`{split}`: {why}",
            "remove it; `evaluation.on: held_out` judges on the last part of a span",
            key=split,
        )
    stop = training.early_stop if training else None
    if stop and stop.split not in _MADE_SPLITS:
        yield Part("training.early_stop", ("training", "early_stop")).fault(
            f"split `{stop.split}` is not made of spans, which make `train` and `eval`",
            "remove `early_stop`, and say how long to train by `epochs`",
            key="split",
        )


def _judging(spans: Spans | None, evaluation: Evaluation) -> Iterator[Fault]:
    if spans and evaluation.on == "split":
        yield _EVALUATION.fault(
            "`on: split` is for data that is there as a whole, and there is "
            "`data.spans`",
            "take `next_span` or `held_out`",
            key="on",
        )
    if spans and evaluation.on == "held_out" and spans.column is None:
        yield _EVALUATION.fault(
            "`on: held_out` parts the newest span by time, and `data.spans.column` "
            "does not say which column holds it",
            "add it",
            key="on",
        )
    if evaluation.on != "held_out" and "held_out" in evaluation.model_fields_set:
        yield _EVALUATION.fault(
            "`held_out` has no meaning without `on: held_out`",
            "remove it, or add that",
            key="held_out",
        )
    twice = {name for name in evaluation.slices if evaluation.slices.count(name) > 1}
    for name in sorted(twice):
        yield _EVALUATION.fault(f"`slices` has `{shown(name)}` twice", key="slices")


def _columns(
    data: Data, evaluation: Evaluation | None, feature_set: FeatureSet
) -> Iterator[Fault]:
    """Yields what is said of columns of files, all of which are known."""
    columns = raw_columns(feature_set, data.target)
    time = data.spans.column if data.spans else None
    if time in columns and (columns[time].ragged or columns[time].dtype == "float"):
        part, what = _SPANS, "`data.label` or `data.example_weight`"
        if time in raw_columns(feature_set):
            part = reader_of(feature_set, time)
            what = f"`data.spans.column`, {part.who}"
        yield part.fault(
            f"column `{shown(time)}` tells the time, and {what} reads {columns[time]} "
            "there, expected one int64 or string"
        )
    if evaluation is None:
        return
    known = sorted({*columns, *([time] if time else [])})
    named = [("group_by", evaluation.group_by)] if evaluation.group_by else []
    for key, name in [*named, *(("slices", name) for name in evaluation.slices)]:
        if name not in known:
            yield _EVALUATION.fault(
                f"`{key}`: column `{shown(name)}` is not among those that are read "
                f"({', '.join(map(shown, known))})",
                "read it with a feature or number",
                key=key,
            )
        elif name in columns:
            yield from _grouping(key, name, columns[name])


def _grouping(key: str, name: str, column: Column) -> Iterator[Fault]:
    """Yields why examples cannot be parted by a column."""
    told = f"`{key}`: column `{shown(name)}` holds {column}"
    if column.dtype == "float":
        yield _EVALUATION.fault(
            f"{told}, whose values are no groups",
            "name a column of strings or whole numbers",
            key=key,
        )
    elif key == "group_by" and column.ragged:
        yield _EVALUATION.fault(
            f"{told}, and an example is in one group",
            "name a column with one value",
            key=key,
        )
