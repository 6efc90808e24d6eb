"""What the documents name exists: files, modules, functions, commands and pages."""

import ast
import functools
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml

from shardline.configs.schema import FeatureSet
from shardline.pipeline.commands.app import app

ROOT = Path(__file__).parents[1]
LAYERS = ("configs", "embedding", "components", "pipeline")
# The map of the code: all code that these pages name is looked for.
MAPS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/glossary.md",
    )
]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / ".github").rglob("*.md"),
    ]
)
TOP = {path.name for path in ROOT.iterdir()} - {"build", "runs"}

_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_CALL = re.compile(r"([A-Za-z_][\w.]*)\(\)")
_TYPE = re.compile(r"[A-Z][a-z]\w*[a-z]\w*")
_IMPORT = re.compile(r"^ *from (shardline[\w.]*) import ([\w, ]+)", re.MULTILINE)
_QUALIFIED = re.compile(r"\bshardline(?:\.[A-Za-z_]\w*)+")
_FILE = re.compile(
    r"(?<![\w./-])((?:configs|embedding|components|pipeline|tests|benchmarks|docs)"
    r"/[\w/-]+\.(?:py|cc|h|c|md|yaml|svg))\b"
)
_COMMAND = re.compile(r"^(?:    |`)?shardline ([a-z][a-z-]*)", re.MULTILINE)
_TARGET = re.compile(r"^make ([a-z][a-z-]*)", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """Returns a page without its fenced blocks; lines keep their numbers."""
    return _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)


def code(text: str) -> str:
    """Returns all that a page shows as code."""
    return "\n".join([*(b[0] for b in _FENCE.finditer(text)), *_SPAN.findall(text)])


# Code, looked at without importing it.


def module_file(parts: list[str]) -> Path | None:
    """Returns the file of a module or package below the root, if there is one."""
    path = ROOT.joinpath(*parts)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if parts and file.is_file():
            return file
    return None


@functools.cache
def members(file: Path) -> dict[str, ast.AST]:
    """Returns what a module defines or imports, by name."""
    return dict(_named(ast.parse(file.read_text()).body))


def _named(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield ast.unparse(target), node
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name, node


def defines(file: Path, names: list[str]) -> bool:
    """Tells whether a module has a name, or a class of it a member."""
    if not names:
        return True
    found = members(file).get(names[0])
    if isinstance(found, ast.ClassDef) and names[1:]:
        return names[1] in dict(_named(found.body))
    return found is not None


@functools.cache
def given_when_asked() -> set[str]:
    """Returns what the top package has without defining it, by its `__getattr__`."""
    top = members(ROOT / "__init__.py")
    nodes = ast.walk(top["_ARTIFACTS"])
    constants = (node for node in nodes if isinstance(node, ast.Constant))
    return {str(node.value) for node in constants if str(node.value).isidentifier()}


def resolves(dotted: str) -> bool:
    """Tells whether a dotted name below a layer is a module or in a module."""
    parts = dotted.removeprefix("shardline.").split(".")
    if parts[1:] == [] and parts[0] in given_when_asked():
        return True
    for length in range(len(parts), 0, -1):
        if file := module_file(parts[:length]):
            return defines(file, parts[length:])
    return False


# What pages name.


def missing_paths(spans: list[str]) -> list[str]:
    """Returns the names of files and folders of the repository that are not there."""
    paths = [
        span for span in spans if "/" in span and span.split("/")[0] in TOP | {*LAYERS}
    ]
    return [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]


def missing_names(line: str) -> list[str]:
    """Returns what a line names and neither the tree nor its files have.

    A dotted name that begins with a layer is a module, or in one. What ends in `()`,
    and a word with capitals beside the name of a module's file, is in that file.
    """
    spans = _SPAN.findall(line)
    files = [ROOT / span for span in spans if span.endswith(".py")]
    files = [file for file in files if file.is_file()]
    missing = missing_paths(spans)
    for span in spans:
        if _DOTTED.fullmatch(span) and span.split(".")[0] in (*LAYERS, "shardline"):
            if span.rpartition(".")[2] not in ("yaml", "md") and not resolves(span):
                missing.append(span)
            continue
        call = _CALL.fullmatch(span)
        if call or (files and _TYPE.fullmatch(span)):
            names = (call[1] if call else span).split(".")
            if not any(defines(file, names) for file in files):
                missing.append(span)
    return missing


def paragraphs(text: str) -> Iterator[str]:
    """Yields rows of tables, items of lists and paragraphs, each on one line."""
    for block in re.split(r"\n(?=\||[-*] |\d+\. |\n)", prose(text)):
        yield " ".join(block.split("\n"))


@pytest.mark.parametrize("page", MAPS, ids=name_of)
def test_code_that_a_map_names_exists(page):
    text = page.read_text()
    assert [name for part in paragraphs(text) for name in missing_names(part)] == []


def test_the_map_has_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text()
    (tree,) = (b[0] for b in _FENCE.finditer(text) if "\nconfigs/  " in b[0])
    rooms, above = set(), [""]
    for line in tree.splitlines()[1:-1]:
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[: depth + 1], f"{above[depth]}{name}"]
        rooms.add(above[-1].rstrip("/"))
    packages = {
        name_of(file.parent)
        for layer in LAYERS
        for file in (ROOT / layer).rglob("__init__.py")
    }
    assert rooms == packages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_on_a_page_exist(page):
    text = _LINK.sub("", page.read_text())
    assert [name for name in _FILE.findall(text) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_imports_on_a_page_exist(page):
    text = code(page.read_text())
    named = {*_QUALIFIED.findall(text)}
    for module, names in _IMPORT.findall(text):
        named |= {f"{module}.{name.strip()}" for name in names.split(",")}
    assert sorted(name for name in named if not resolves(name)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_on_a_page_exist(page):
    text = code(page.read_text())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(_TARGET.findall(text)) - targets == set()
    names = set(typer.main.get_command(app).commands)
    assert set(_COMMAND.findall(text)) - names == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_examples_on_a_page_are_well_formed(page):
    for block in _FENCE.finditer(page.read_text()):
        language, _, body = block[0].strip().removesuffix("```").partition("\n")
        body = textwrap.dedent(body)
        if language == "```python":
            assert unbound(ast.parse(body)) == set()
        elif language == "```yaml":
            yaml.safe_load(body)
        elif language == "```json":
            json.loads(body)


def unbound(block: ast.Module) -> set[str]:
    """Returns the modules that a block reads something of and does not import."""
    bound = {name for name, _ in _named(block.body)}
    read = {
        node.value.id
        for node in ast.walk(block)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return {name for name in read if name in ("embedding", "beam")} - bound


def test_features_of_the_readme_are_a_feature_set():
    text = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert FeatureSet.model_validate(yaml.safe_load(block)).features


# Links.


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text()), re.MULTILINE)
    slugs = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {slug.replace(" ", "-") for slug in slugs}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    astray = []
    for link in _LINK.findall(prose(page.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            astray.append(link)
        elif anchor and anchor not in anchors(target):
            astray.append(link)
    assert astray == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("`configs/load.py` `load_run()`", []),
        ("`configs/load.py` `lead_run()`", ["lead_run()"]),
        ("`configs/lead.py`", ["configs/lead.py"]),
        ("`configs/feature_set.py` `FeatureSet`", []),
        ("`configs/feature_set.py` `FeatureSat`", ["FeatureSat"]),
        ("`configs/features.py` `Ids.kind()`", []),
        ("`configs/features.py` `Ids.kund()`", ["Ids.kund()"]),
        ("`shardline.configs.load.load_run` `embedding.TPUEmbedding`", []),
        ("`shardline.configs.load.lead_run`", ["shardline.configs.load.lead_run"]),
        ("`runs/<name>/serving` `data.files` `serving.tables`", []),
    ],
)
def test_the_check_itself_finds_what_it_should(line, found):
    assert missing_names(line) == found
