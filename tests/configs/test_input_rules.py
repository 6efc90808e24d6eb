"""Names of the published model's inputs, each fault with its line and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_job

# Lines that are added at the end, a replacement in the text, and the fault.
FAULTS = {
    "column_that_is_not_read": (
        "inputs: {usr: who}",
        ("", ""),
        "inputs: no feature or number reads column `usr`; did you mean `user`?",
    ),
    "column_like_no_other": (
        "inputs: {zzz: who}",
        ("", ""),
        "inputs: no feature or number reads column `zzz`; the columns that are read "
        "are age, city, ",
    ),
    "label": (
        "inputs: {label: who}",
        ("", ""),
        "inputs: no feature or number reads column `label`; the columns",
    ),
    "word_of_python": (
        "inputs: {user: lambda}",
        ("", ""),
        "inputs: `lambda`, for column `user`, has another meaning here or in Python; "
        "give another name, such as `lambda_of_row`",
    ),
    "reserved": (
        "inputs: {user: examples}",
        ("", ""),
        "inputs: `examples`, for column `user`, has another meaning",
    ),
    "no_letter_of_ascii": (
        "inputs: {user: gr\u00f6\u00dfe}",
        ("", ""),
        "a name has ASCII letters, digits and underscores, the first a letter",
    ),
    "underscore_first": ("inputs: {user: _u}", ("", ""), "the first a letter"),
    "two_of_one_name": (
        "inputs: {user: who, city: who}",
        ("", ""),
        "inputs: the published model would call an input `who` for column `city` and "
        "for column `user`",
    ),
    "name_of_another_column": (
        "inputs: {user: city}",
        ("", ""),
        "would call an input `city` for column `city` and for column `user`; name them "
        'by `inputs`, such as `inputs: {"city": ',
    ),
    "columns_that_the_model_would_call_alike": (
        "",
        ("  age: {", "  age: {column: tags_values, "),
        "number `age`: the published model would call an input `tags_values` for "
        "column `tags_values` and for column `tags`; name them by `inputs`, such as "
        '`inputs: {"tags_values": age}`',
    ),
}


@pytest.mark.parametrize(("line", "change", "message"), FAULTS.values(), ids=FAULTS)
def test_fault_is_told(
    line: str,
    change: tuple[str, str],
    message: str,
    write: Callable[[str], Path],
    job_text: str,
) -> None:
    text = f"{job_text.replace(*change)}\n{line}\n"

    with pytest.raises(ConfigError) as error:
        load_job(write(text))

    assert message in str(error.value)


def test_columns_without_a_letter_of_ascii_get_names(
    write: Callable[[str], Path], job_text: str
) -> None:
    text = job_text.replace("  age: {", "  age: {column: \u7528\u6237, ")
    text = text.replace("  hour: {table", "  hour: {column: \u7269\u54c1, table")

    with pytest.raises(ConfigError) as error:
        load_job(write(text))
    said = str(error.value)
    remedy = '`inputs: {"\u7528\u6237": age}`'
    assert "would call an input `column___` for column `\u7528\u6237` and for " in said
    assert said.endswith(f"name them by `inputs`, such as {remedy}.")

    named = load_job(write(f"{text}\ninputs: {{\u7528\u6237: age}}\n"))
    assert named.inputs == {"\u7528\u6237": "age"}
    assert named.feature_set.inputs == named.inputs
