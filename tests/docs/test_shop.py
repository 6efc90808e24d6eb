"""The shop of docs/your-data.md: what its pages tell a reader to run, and to expect.

All of it is in one file, for one process to follow the page once.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import yaml
from shardline_tests import load

pages = load("docs/pages.py")

pytestmark = pytest.mark.slow

YOUR_DATA = "your-data.md"
REQUESTS = "A request in columns"


def test_file_is_made_as_shown(shop: Any) -> None:
    shown = pages.block(YOUR_DATA, "", "1. A file")

    assert shop.printed["1. A file"] == shown


def test_configuration_is_drafted_as_shown(shop: Any) -> None:
    shown = yaml.safe_load(pages.block(YOUR_DATA, "yaml", "2. A configuration"))
    found = yaml.safe_load((shop.folder / "shop.yaml").read_text())

    shown["training"] = {"batch_size": 64, "epochs": 4}
    shown["evaluation"] = {"min_auc": 0.6}
    assert found == shown


def test_check_finds_no_fault_and_plan_tells_the_tables(shop: Any) -> None:
    checked = shop.printed["3. Check"]

    assert "6 columns fit" in checked
    assert "fault" not in checked
    assert re.search(r"customer +vocabulary +200 +201", shop.printed["4. Plan"])


def test_run_prints_what_the_page_shows_of_it(shop: Any) -> None:
    shown = pages.block(YOUR_DATA, "", "5. Run")
    printed = shop.printed["5. Run"]

    assert shown.splitlines()[0] in printed
    assert shown.splitlines()[2] in printed
    metrics = [re.findall(r"auc (\S+),", text) for text in (shown, printed)]
    np.testing.assert_allclose(*np.array(metrics, float), atol=0.005)


def test_served_model_answers_as_shown(shop: Any) -> None:
    shown = json.loads(pages.block(YOUR_DATA, "json", "6. Ask it"))
    printed = re.search(r'\{"outputs.*?\}', shop.printed["6. Ask it"])

    assert printed is not None
    answer = json.loads(printed[0])
    np.testing.assert_allclose(answer["outputs"], shown["outputs"], atol=0.01)


def test_files_of_other_programs_hold_the_same_rows(shop: Any) -> None:
    heading = "Files as they come"
    printed = shop.printed[heading]

    assert pages.block(YOUR_DATA, "", heading) in printed
    assert "6 columns fit" in printed
    counts = re.search(r"([\d,]+) eval, ([\d,]+) train examples in", printed)
    assert counts is not None
    assert sum(int(count.replace(",", "")) for count in counts.groups()) == 8000
    assets = shop.folder / "prepared" / "transform_graph" / "transform_fn" / "assets"
    assert {*(assets / "tag").read_text().split()} == {
        *("wool", "silk", "linen", "sport", "sale")
    }
    assert {*(assets / "size").read_text().split()} == {"2L", "3L", "none"}


# What brings each message of the page, in its order: text of the configuration, and
# what is written in its place.
CAUSES = [
    ("customer: {dim", "customer: {dims"),
    ("customer: {table", "custmer: {table"),
    ("train: shop.csv", 'train: "*.txt"'),
    (", missing: mean", ""),
    ("product: {dim: 16", "product: {dim: 4"),
    ("", ""),
]


def messages() -> list[str]:
    """Returns the messages in the page's table."""
    section = (pages.DOCS / YOUR_DATA).read_text().partition("## What messages mean")[2]
    table = section.partition("\n## ")[0]
    return [m.strip() for m in re.findall(r"^\| ``(.*?)`` \|", table, re.MULTILINE)]


@pytest.mark.parametrize(("message", "cause"), [*zip(messages(), CAUSES, strict=True)])
def test_message_of_the_page_is_printed(
    message: str, cause: tuple[str, str], shop: Any
) -> None:
    text = (shop.folder / "shop.yaml").read_text()
    assert cause[0] in text
    (shop.folder / "changed.yaml").write_text(text.replace(*cause, 1))

    (printed,) = pages.run_blocks(["shardline check changed.yaml || true"], shop.folder)

    assert message in printed


@pytest.fixture(scope="module")
def asked(shop: Any) -> Iterator[tuple[str, str]]:
    """What curl and the client of the page print, while the shop's model is served."""
    curl = pages.block("server.md", "sh", REQUESTS)
    client = pages.block("server.md", "python", REQUESTS)
    serve, wait, curl, client = pages.with_free_ports(
        ["shardline serve shop.yaml", wait_block(), curl, client]
    )
    (shop.folder / "client.py").write_text(client)
    with pages.shell(serve, shop.folder):
        subprocess.run(["bash", "-c", wait], check=True, timeout=120)
        answers = [
            subprocess.run(
                command,
                cwd=shop.folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            ).stdout
            for command in (["bash", "-c", curl], [sys.executable, "client.py"])
        ]
        yield answers[0], answers[1]


def wait_block() -> str:
    """Returns the line of docs/your-data.md that waits for a server."""
    lines = pages.blocks("your-data.md", "sh")
    (line,) = (
        line for b in lines for line in b.text.splitlines() if line.endswith("readyz")
    )
    return str(line)


def test_rest_answers_as_shown(asked: tuple[str, str]) -> None:
    shown = json.loads(pages.block("server.md", "json", REQUESTS))
    answer = json.loads(asked[0])

    assert answer.keys() == shown.keys()
    np.testing.assert_allclose(answer["outputs"], shown["outputs"], atol=0.01)


def test_client_of_grpc_gets_the_same_numbers(asked: tuple[str, str]) -> None:
    shown = np.fromstring(pages.block("server.md", "", REQUESTS).strip("[]\n"), sep=" ")
    scores = np.fromstring(asked[1].strip("[]\n"), np.float32, sep=" ")

    np.testing.assert_allclose(scores, shown, atol=0.01)
    np.testing.assert_allclose(scores, json.loads(asked[0])["outputs"], rtol=1e-6)


def test_model_of_the_page_is_trained_and_published(shop: Any) -> None:
    heading = "A model of your own"
    code = pages.block("models.md", "python", heading)
    section = pages.block("models.md", "yaml", heading)
    (shop.folder / "two_towers.py").write_text(code)
    (shop.folder / "towers.yaml").write_text(
        (shop.folder / "shop.yaml").read_text().replace("name: shop", "name: towers")
        + section
    )

    checked, ran = pages.run_blocks(
        [f"shardline {command} towers.yaml" for command in ("check", "run")],
        shop.folder,
    )

    assert "6 columns fit" in checked
    auc = re.search(r"auc (\S+),", ran)
    assert auc is not None
    assert float(auc[1]) > 0.6
    (version,) = (shop.folder / "runs" / "towers" / "serving").glob("[0-9]*")
    assert (version / "saved_model.pb").exists()
