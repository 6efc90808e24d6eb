"""Rules of data in spans, each with its line, and what is well."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_job

FILES = "  files: {format: csv, splits: {train: a.csv}}\n"
SPANS = "  files: {format: csv, splits: {train: 'day-{SPAN}/*.csv'}}\n"
TRAINING = "training: {batch_size: 8, epochs: 1, early_stop: {every_steps: 5}}\n"


def job(text: str, files: str = FILES, sections: str = "") -> str:
    """Returns a configuration; keys of `data` come first, from line 3 on."""
    return f"""\
name: tiny
data:
{text}{files}  path: data
{sections}features:
  user: {{table: user}}
  tags: {{table: tag, combiner: mean}}
numbers:
  age: {{scale: z_score}}
tables:
  user: {{dim: 4}}
  tag: {{dim: 4}}
"""


def evaluation(text: str) -> str:
    return f"evaluation:\n  min_auc: 0.5\n  {text}\n"


IN_SPANS = "  spans: {column: second, every: day}\n"

FAULTS = {
    "nothing_tells_spans": (
        job("  spans: {}\n"),
        "3: data.spans: nothing tells the spans: pattern `a.csv` of split `train` has "
        "no {SPAN}, and there is no `column`",
    ),
    "nothing_tells_spans_but_their_length": (
        job("  spans: {every: day}\n"),
        "3: data.spans: nothing tells the spans",
    ),
    "column_that_cuts_without_length": (
        job("  spans: {column: second}\n"),
        "3: data.spans: `column: second` cuts the data into spans, and `every` does",
    ),
    "pattern_of_spans_without_spans": (
        job("", SPANS),
        "3: data.files.splits: `train` has {SPAN}, which stands for spans, and there "
        "is no `data.spans`",
    ),
    "version_without_span": (
        job(IN_SPANS, FILES.replace("a.csv", "'v{VERSION}/*.csv'")),
        "4: data.files.splits: `train` has {VERSION}, and no {SPAN} that it is a",
    ),
    "span_twice": (
        job("  spans: {}\n", SPANS.replace("*.csv", "{SPAN}.csv")),
        "4: data.files.splits: `train` has {SPAN} 2 times, expected once",
    ),
    "first_that_is_no_span": (
        job("  spans:\n    first: yesterday\n", SPANS),
        "4: data.spans: `first: yesterday` is no span: neither a whole number nor",
    ),
    "first_that_does_not_exist": (
        job("  spans:\n    first: 2026-13\n", SPANS),
        "4: data.spans: `first: 2026-13` is no span",
    ),
    "first_of_another_length": (
        job("  spans:\n    {column: second, every: week,\n    first: '2026-11-30'}\n"),
        "5: data.spans: `first: 2026-11-30` is no week, and `every` is week",
    ),
    "another_split": (
        job(
            "  spans: {}\n",
            "  files:\n    format: csv\n    splits:\n"
            "      train: '{SPAN}.csv'\n      eval: e.csv\n",
        ),
        "8: data.files.splits: `eval`: data in spans has no such split",
    ),
    "held_out_split": (
        job(
            IN_SPANS,
            "  files:\n    format: csv\n    splits: {train: a.csv}\n    held_out:\n"
            "      eval: {column: second, fraction: 0.1}\n",
        ),
        "8: data.files.held_out: `eval`: data in spans has no such split",
    ),
    "early_stop_on_another_split": (
        job(IN_SPANS, sections=TRAINING),
        "6: training.early_stop: split `validation` is not made of spans",
    ),
    "next_span_without_spans": (
        job("", sections=evaluation("on: next_span")),
        "7: evaluation: `on: next_span` is for data in spans, and there is no",
    ),
    "held_out_without_spans": (
        job("", sections=evaluation("on: held_out")),
        "7: evaluation: `on: held_out` is for data in spans, and there is no",
    ),
    "refusal_without_spans": (
        job("", sections=evaluation("when_refused: skip")),
        "7: evaluation: `when_refused` is for data in spans, and there is no",
    ),
    "split_with_spans": (
        job(IN_SPANS, sections=evaluation("on: split")),
        "8: evaluation: `on: split` is for data that is there as a whole",
    ),
    "held_out_without_time": (
        job("  spans: {}\n", SPANS, evaluation("on: held_out")),
        "8: evaluation: `on: held_out` parts the newest span by time, and `data.spans.",
    ),
    "part_of_nothing": (
        job(IN_SPANS, sections=evaluation("held_out: 0.1")),
        "8: evaluation: `held_out` has no meaning without `on: held_out`",
    ),
    "group_that_is_not_read": (
        job("", sections=evaluation("group_by: session")),
        "7: evaluation: `group_by`: column `session` is not among those that are read "
        "(age, label, tags, user); read it",
    ),
    "slice_that_is_not_read": (
        job(IN_SPANS, sections=evaluation("slices: [user, device]")),
        "8: evaluation: `slices`: column `device` is not among those that are read "
        "(age, label, second, tags, user)",
    ),
    "group_of_lists": (
        job("", sections=evaluation("group_by: tags")),
        "7: evaluation: `group_by`: column `tags` holds any number of string values",
    ),
    "slices_by_a_float": (
        job("", sections=evaluation("slices: [age]")),
        "7: evaluation: `slices`: column `age` holds one float, whose values are no",
    ),
    "slice_twice": (
        job("", sections=evaluation("slices: [user, tags, user]")),
        "7: evaluation: `slices` has `user` twice",
    ),
    "time_as_a_float": (
        job("  spans: {column: age, every: day}\n"),
        "10: number `age`: column `age` tells the time, and `data.spans.column`, "
        "number `age` reads one float there",
    ),
    "time_as_the_label": (
        job("  spans: {column: label, every: day}\n"),
        "3: data.spans: column `label` tells the time, and `data.label` or",
    ),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    write: Callable[[str], Path], text: str, message: str
) -> None:
    path = write(text)

    with pytest.raises(ConfigError) as raised:
        load_job(path)

    faults = [line.removeprefix(f"{path}:") for line in str(raised.value).splitlines()]
    assert any(fault.startswith(message) for fault in faults), faults
    assert len(faults) == 1


READER = "  reader: a.b.Reader\n"

SOUND = {
    "folders": job("  spans: {}\n", SPANS, evaluation("on: next_span")),
    "folders_with_time": job(
        "  spans: {column: second, first: '20261130'}\n",
        SPANS,
        evaluation("on: held_out\n  held_out: 0.1"),
    ),
    "versions": job("  spans: {}\n", SPANS.replace("*.csv", "v{VERSION}.csv")),
    "cut": job(IN_SPANS, sections=evaluation("group_by: user\n  slices: [tags]")),
    "numbers": job("  spans: {first: '17', window: 7}\n", SPANS),
    "early_stop_on_the_next_span": job(
        IN_SPANS, sections=TRAINING.replace("{every", "{split: eval, every")
    ),
    # A reader tells itself what it reads.
    "reader": job("  spans: {}\n", READER, evaluation("group_by: session")),
    "no_spans": job("", sections=evaluation("on: split\n  group_by: user")),
}


@pytest.mark.parametrize("text", SOUND.values(), ids=list(SOUND))
def test_what_is_sound_is_read(write: Callable[[str], Path], text: str) -> None:
    load_job(write(text))


def test_all_faults_are_told_at_once(write: Callable[[str], Path]) -> None:
    text = job(
        "  spans: {first: now}\n", sections=evaluation("on: held_out\n  group_by: x")
    )

    with pytest.raises(ConfigError) as raised:
        load_job(write(text))

    assert len(raised.value.faults) == 4
