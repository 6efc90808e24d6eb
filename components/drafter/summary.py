"""What a draft says, in a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from shardline.components.drafter.choices import Choices
from shardline.components.readers.files.formats.csv.guessing.dialects import (
    differences,
)
from shardline.configs.shown import shown
from shardline.configs.yaml_text import as_yaml

_NAMED = 8


def summary(choices: Choices) -> Iterator[str]:
    """Yields a line for each choice.

    Args:
        choices: what a draft says.
    """
    examples = choices.examples
    many = f" and {len(examples.names) - 1:,} more" if len(examples.names) > 1 else ""
    yield f"examples: {shown(examples.names[0])}{many}, {examples.format}"
    changed = differences(examples.dialect)
    if len(changed.get("header", ())) > _NAMED:  # type: ignore[arg-type]
        changed["header"] = f"{len(examples.profiles)} names"
    if changed:
        yield f"dialect:  {shown(as_yaml(changed))}"
    for side in choices.sides:
        yield f"join:     {shown(side.table.names[0])}, by {shown(side.key)}"
    label = choices.label
    yield f"label:    {shown(label.name)} ({label.reason})"
    if choices.held_out:
        yield f"eval:     {choices.held_out.reason}"
    else:
        yield f"eval:     {shown(choices.splits['eval'])}"
    for section, title in (("features", "features:"), ("numbers", "numbers: ")):
        names = [shown(one.profile.name) for one in choices.of_section(section)]
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            yield f"{title} {', '.join(names[:_NAMED])}{more}"
    left_out = len(choices.of_section("")) + len(choices.left_out)
    if left_out:
        yield f"left out: {left_out:,}, named at the end of the file"
