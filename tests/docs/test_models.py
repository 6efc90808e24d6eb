"""docs/models.md tells the options and defaults of the model as the code has them."""

import inspect
import re
from ast import literal_eval
from typing import Any, get_args

import yaml
from shardline_tests import load

from shardline.components.model.dlrm import DLRM
from shardline.configs.schema import Training
from shardline.configs.tables import SGD, Adagrad, Adam, Table

pages = load("docs/pages.py")
PAGE = "models.md"
TEXT = (pages.DOCS / PAGE).read_text()
# The types of the page, by those of Python.
TYPES = {
    "list of whole numbers": "collections.abc.Sequence[int]",
    "number": "float",
    "true or false": "bool",
}


def rows_of(heading: str) -> list[list[str]]:
    """Returns the cells of the only table below a heading, without its head."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]


def test_page_has_every_option_with_its_type_and_default() -> None:
    parameters = inspect.signature(DLRM).parameters

    told = {
        name.strip("`"): (TYPES[kind.split(" from ")[0]], literal_eval(default[1:-1]))
        for name, kind, default, _ in rows_of("The default: DLRM")
    }

    annotations = {
        name: p.annotation if isinstance(p.annotation, str) else _name(p.annotation)
        for name, p in parameters.items()
    }
    assert told == {
        name: (annotations[name], p.default) for name, p in parameters.items()
    }


def _name(annotation: Any) -> str:
    return str(annotation) if get_args(annotation) else annotation.__name__


def test_options_that_the_page_shows_make_a_model() -> None:
    shown = pages.block(PAGE, "yaml", "The default: DLRM")

    DLRM(**yaml.safe_load(shown)["model"]["options"])


def test_rates_of_learning_are_the_defaults() -> None:
    rows = rows_of("How it learns")
    dense, table = (row[2] for row in rows if row[0] == "its learning rate")
    (stddev,) = (row[2] for row in rows if row[0] == "first rows of a table")

    assert float(dense) == Training.model_fields["learning_rate"].default
    assert re.findall(r"[\d.]+\d", table) == [
        str(each().learning_rate) for each in (Adagrad, SGD, Adam)
    ]
    assert float(stddev) == Table.model_fields["initial_stddev"].default
