"""Every part of a configuration that reads a column is named with its path."""

from collections.abc import Callable

from shardline.components.checker.uses import uses_of
from shardline.configs.column import Column
from shardline.configs.schema import Job


def test_uses_are_those_of_the_configuration_in_order(
    job_of: Callable[..., Job],
) -> None:
    job = job_of(
        ("train.csv}", "train.csv}, held_out: {eval: {column: day, fraction: 0.5}}"),
        ("tables:", "numbers:\n  age: {column: years}\ntables:"),
        ("  path:", "  example_weight: times\n  path:"),
        ("{table: item}", "{table: item, cross: [item, shop]}"),
    )

    uses = uses_of(job)

    assert [(use.column, use.who, use.role) for use in uses] == [
        ("item", "feature `item`", "cross"),
        ("shop", "feature `item`", "cross"),
        ("tags", "feature `tags`", "ids"),
        ("scores", "feature `tags`", "weights"),
        ("years", "number `age`", "number"),
        ("label", "label", "label"),
        ("times", "example_weight", "example weight"),
        ("day", "split `eval`", "split"),
    ]
    by_column = {use.column: use for use in uses}
    assert by_column["scores"].config_path == ("features", "tags", "weights")
    assert by_column["scores"].needed == Column("float", ragged=True)
    assert by_column["years"].config_path == ("numbers", "age", "column")
    assert by_column["years"].feature is None
    assert by_column["tags"].feature == job.features["tags"]
    assert by_column["day"].needed is None


def test_derived_column_is_read_by_its_function_alone(
    job_of: Callable[..., Job],
) -> None:
    derived = (
        "derived: {function: a.made, inputs: {text: {dtype: string}}, "
        "outputs: {item: {dtype: string}}}\nfeatures:"
    )

    uses = uses_of(job_of(("features:", derived)))

    assert "item" not in {use.column for use in uses}
    (text,) = [use for use in uses if use.role == "derived"]
    assert text.config_path == ("derived", "inputs", "text")
