"""The commands of docs/your-data.md lead from a file to the answers that it shows."""

import json
import re
from typing import Any

import numpy as np
import pytest
from shardline_tests import load

pages = load("docs/pages.py")

pytestmark = pytest.mark.slow

PAGE = "your-data.md"


def test_file_is_made_as_shown(shop: Any) -> None:
    shown = pages.block(PAGE, "", "1. A file")

    assert shop.printed["1. A file"] == shown


def test_check_finds_no_fault_and_plan_tells_the_tables(shop: Any) -> None:
    checked = shop.printed["3. Check"]

    assert "6 columns fit" in checked
    assert "fault" not in checked
    assert re.search(r"customer +vocabulary +200 +201", shop.printed["4. Plan"])


def test_run_prints_what_the_page_shows_of_it(shop: Any) -> None:
    shown = pages.block(PAGE, "", "5. Run")
    printed = shop.printed["5. Run"]

    assert shown.splitlines()[0] in printed
    assert shown.splitlines()[2] in printed
    metrics = [re.findall(r"auc (\S+),", text) for text in (shown, printed)]
    np.testing.assert_allclose(*np.array(metrics, float), atol=0.005)


def test_served_model_answers_as_shown(shop: Any) -> None:
    shown = json.loads(pages.block(PAGE, "json", "6. Ask it"))
    printed = re.search(r'\{"outputs.*?\}', shop.printed["6. Ask it"])

    assert printed is not None
    answer = json.loads(printed[0])
    np.testing.assert_allclose(answer["outputs"], shown["outputs"], atol=0.01)


# What brings each message of the page, in its order: text of the configuration, and
# what is written in its place.
CAUSES = [
    ("customer: {dim", "customer: {dims"),
    ("customer: {table", "custmer: {table"),
    ("path: shop.csv", "path: .", '"*"', '"*.tsv"'),
    (", missing: mean", ""),
    ("product:  {dim: 8", "product:  {dim: 4"),
    (),
]


def messages() -> list[str]:
    """Returns the messages in the page's table."""
    section = (pages.DOCS / PAGE).read_text().partition("## What messages mean")[2]
    table = section.partition("\n## ")[0]
    return [m.strip() for m in re.findall(r"^\| ``(.*?)`` \|", table, re.MULTILINE)]


@pytest.mark.parametrize(
    ("message", "replaced"), [*zip(messages(), CAUSES, strict=True)]
)
def test_message_of_the_page_is_printed(
    message: str, replaced: tuple[str, ...], shop: Any, shardline: Any
) -> None:
    text = (shop.folder / "shop.yaml").read_text()
    for old, new in zip(replaced[::2], replaced[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    text = text.replace("path: ", f"path: {shop.folder}/")
    config = shop.folder / "changed.yaml"
    config.write_text(text)

    assert message in shardline("check", config).text
