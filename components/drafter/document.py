"""A draft as YAML, with the reason for each line beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shardline.components.drafter.choices import Choices
from shardline.components.drafter.found_files import pattern_of
from shardline.components.drafter.inputs import Input
from shardline.components.drafter.joining import Side
from shardline.components.drafter.names import clean_name
from shardline.components.drafter.roles import Label
from shardline.components.drafter.tables import Table
from shardline.components.readers.files.formats.csv.guessing.dialects import (
    differences,
)
from shardline.configs.columns import model_inputs
from shardline.configs.shown import shown
from shardline.configs.yaml_text import as_yaml

_NAMED = 3  # alternatives
_SHOWN = 60  # characters of a name in a comment
_DEFAULT_SEPARATOR = "|"


def document(name: str, choices: Choices) -> str:
    """Returns the text of a configuration.

    Args:
        name: of the run.
        choices: what it says.
    """
    parts = (
        _preface(choices),
        [f"name: {name}"],
        ["data:", *_indented(_data(choices))],
        *_model_parts(choices),
        _training(choices),
        [
            "evaluation:",
            "  min_auc: 0.0   # publishes any model; raise it later",
        ],
        _left_out(choices),
    )
    text = "\n\n".join("\n".join(lines) for part in parts if (lines := list(part)))
    return f"{text}\n"


def _preface(choices: Choices) -> Iterator[str]:
    sample = choices.examples.sample
    names = choices.examples.names
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    part = "all" if sample.is_whole else f"of about {sample.all_rows:,}"
    yield f"# Drafted from {sample.rows:,} rows ({part}) of {_name(names[0])}{more}."
    yield "# Reasons stand beside the lines. All are guesses: look at each first."


def _data(choices: Choices) -> Iterator[str]:
    yield f"path: {as_yaml(choices.path)}"
    yield "files:"
    yield from _indented(_files(choices))
    label = choices.label
    how = (
        "made 0 and 1 by `positive_from`"
        if label.positive_from is not None
        else label.reason
    )
    yield f"label: {as_yaml(label.name)}   # {how}"
    for other in choices.other_labels[:_NAMED]:
        yield f"# or: label: {_name(as_yaml(other.name))}   # {other.reason}"
    if choices.weight:
        yield (
            f"example_weight: {as_yaml(choices.weight.name)}   # by its name; leave it "
            "out if it is none"
        )


def _files(choices: Choices) -> Iterator[str]:
    examples = choices.examples
    yield f"format: {examples.format}"
    yield from _dialect(examples)
    yield f"splits: {_flow(choices.splits)}"
    if choices.held_out:
        yield "held_out:"
        yield f"  eval: {_flow(choices.held_out.rule)}   # {choices.held_out.reason}"
        for other in choices.other_times[:_NAMED]:
            yield f"# or by `{_name(other.name)}`, which holds times as well"
        if "column" not in choices.held_out.rule:
            yield "  # or all rows of a user: {column: <the user's>, fraction: 0.1}"
    if choices.sides:
        yield "join:"
        yield from _indented(
            line for side in choices.sides for line in _side(side, examples)
        )
    yield from _label_keys(choices.label)
    separator = examples.list_separator
    if separator and separator != _DEFAULT_SEPARATOR:
        yield f"list_separator: {as_yaml(separator)}   # in the cells of lists"
    if choices.bad_share > 0:
        share = min(1.0, math.ceil(choices.bad_share * 150 + 1) / 100)
        yield (
            f"on_bad_example: skip   # {choices.bad_share:.1%} of the sample have no "
            "label or other numbers of cells"
        )
        yield f"max_bad_share: {share:g}"


def _dialect(table: Table) -> Iterator[str]:
    changed = differences(table.dialect)
    if not changed:
        return
    yield "dialect:"
    guess = table.sample.guess
    for key, value in changed.items():
        reason = ""
        if key == "encoding" and guess:
            reason = f"   # {guess.encoding.reason or 'other files are'}"
        elif key == "missing":
            counts = ", ".join(
                f"{shown(word)}: {count:,}"
                for word, count in table.missing_words.items()
            )
            reason = f"   # so often in the sample: {counts}"
        elif key == "header":
            reason = "   # no line names the columns: give them names"
        yield f"  {key}: {as_yaml(value)}{reason}"


def _label_keys(label: Label) -> Iterator[str]:
    if label.words:
        yield f"label_words: {as_yaml({w: _number(n) for w, n in label.words.items()})}"
    if label.positive_from is None:
        return
    yield f"positive_from: {_number(label.positive_from)}   # {label.reason}"
    values = label.profile.counts
    if not label.words and -1 in values and min(values) == -1:
        share = values[-1] / len(label.profile.values)
        yield (
            f"# -1 in {share:.0%} of the rows may mean `not rated`, and becomes 0. To "
            'leave such rows out: dialect: {missing: ["-1"]},'
        )
        yield f"# on_bad_example: skip, max_bad_share: {min(1, share + 0.1):.1f}"


def _side(side: Side, examples: Table) -> Iterator[str]:
    keys: dict[str, Any] = {
        "files": pattern_of(side.table.names, []) or side.table.names[0],
        "key": side.key,
    }
    if side.file_key != side.key:
        keys["file_key"] = side.file_key
    same = all(here == there for here, there in side.columns.items())
    keys["columns"] = list(side.columns) if same else dict(side.columns)
    table = side.table
    if table.format != examples.format:
        keys["format"] = table.format
    if table.format == "csv" and table.dialect != examples.dialect:
        keys["dialect"] = differences(table.dialect)
    separator = table.list_separator
    if separator and separator != (examples.list_separator or _DEFAULT_SEPARATOR):
        keys["list_separator"] = separator
    yield (
        f"# {table.sample.all_rows:,} rows, each key once; {side.found:.0%} of the "
        "sampled examples have a row in its sample"
    )
    yield f"{side.name}:"
    for key, value in keys.items():
        yield f"  {key}: {as_yaml(value)}"


def _model_parts(choices: Choices) -> Iterator[list[str]]:
    """Yields the sections `features`, `numbers`, `inputs` and `tables`."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for one in (*choices.of_section("features"), *choices.of_section("numbers")):
        column = one.profile.name
        kind = "feature" if one.section == "features" else "number"
        names[column] = clean_name(column, taken, kind=kind)
        taken.add(names[column])
    features, numbers = choices.of_section("features"), choices.of_section("numbers")
    yield ["features:", *(f"  {_entry(one, names)}" for one in features)]
    if numbers:
        yield ["numbers:", *(f"  {_entry(one, names)}" for one in numbers)]
    if inputs := _inputs([*features, *numbers], names):
        yield [
            "# What the published model calls the inputs of these columns.",
            "inputs:",
            *(f"  {as_yaml(column)}: {name}" for column, name in inputs.items()),
        ]
    tables = (
        f"  {names[one.profile.name]}: {{dim: {choices.dim}}}" for one in features
    )
    yield ["tables:   # of one dim, for the default model multiplies features", *tables]


def _entry(one: Input, names: Mapping[str, str]) -> str:
    column = one.profile.name
    name = names[column]
    keys: dict[str, Any] = {"table": name} if one.section == "features" else {}
    if column != name:
        keys["column"] = column
    return f"{name}: {_flow({**keys, **one.keys})}   # {one.reason}"


def _inputs(inputs: Sequence[Input], names: Mapping[str, str]) -> dict[str, str]:
    """Returns input names for columns whose own would be odd, or another's."""
    ours: dict[str, str] = {}
    taken: set[str] = set()
    for one in inputs:
        column = one.profile.name
        made = model_inputs(column, {}, ragged=one.profile.is_list)
        if not column.isascii() or taken & set(made):
            ours[column] = names[column]
        taken |= set(made)
    return ours


def _training(choices: Choices) -> Iterator[str]:
    yield "training:"
    yield f"  batch_size: {choices.batch_size}"
    yield "  epochs: 1"


def _left_out(choices: Choices) -> Iterator[str]:
    columns = choices.of_section("")
    repeated = choices.examples.sample.repeated
    if not (columns or repeated or choices.left_out):
        return
    yield "# Left out:"
    for one in columns:
        yield f"#   column {_name(one.profile.name)}: {one.reason}"
    for name in sorted(repeated):
        yield f"#   column {_name(name)}: the name is there more than once"
    for name, reason in choices.left_out.items():
        yield f"#   file {_name(name)}: {shown(reason)}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _flow(keys: Mapping[str, Any]) -> str:
    return as_yaml({k: _plain_number(v) for k, v in keys.items()})


def _plain_number(value: Any) -> Any:
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | int:
    """Returns a number without a fraction of zero."""
    return int(value) if float(value).is_integer() else value


def _name(text: str) -> str:
    return shown(text, _SHOWN)
