"""Which modules code may import, as told by its source."""

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.execution.import_closure import import_closure

EXECUTORS = [
    "shardline.components.example_gen.executor",
    "shardline.components.schema_gen.executor",
    "shardline.components.features.executor",
    "shardline.components.trainer.executor",
    "shardline.components.exporter.executor",
    "shardline.components.validator.executor",
    "shardline.components.pusher.executor",
    "shardline.components.evaluation.tfma_metrics",
]
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes sources into a folder that Python imports from."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_sources(**sources: str) -> None:
        for name, source in sources.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        importlib.invalidate_caches()

    return write_sources


def user_modules(entry: str) -> set[str]:
    """The modules of a closure that are not of this project."""
    closure = import_closure(entry)
    return {module for module in closure if not module.startswith("shardline")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import user_package.part", {"user_package.part", "user_package.deep"}),
        ("import user_package.part as p", {"user_package.part", "user_package.deep"}),
        ("from user_package import part", {"user_package.part", "user_package.deep"}),
        ("from user_package import VALUE", set()),
        ("from user_package.deep import VALUE", {"user_package.deep"}),
        ("def f():\n    from user_package import deep", {"user_package.deep"}),
        ("try:\n    import user_package.deep\nexcept ImportError:\n    pass",
         {"user_package.deep"}),
    ],
)  # fmt: skip
def test_modules_that_are_imported_count_with_what_they_import(
    write: Write, source: str, expected: set[str]
) -> None:
    write(
        user_entry=source,
        user_package__init="",
        user_package__part="from user_package import deep",
        user_package__deep="VALUE = 1",
        user_package__other="",
    )
    Path(sys.path[0], "user_package", "init.py").rename(
        Path(sys.path[0], "user_package", "__init__.py")
    )

    assert user_modules("user_entry") == {"user_entry", "user_package"} | expected


def test_imports_for_type_checkers_do_not_count(write: Write) -> None:
    write(
        user_entry="if TYPE_CHECKING:\n    import user_a\nelse:\n    import user_b",
        user_a="",
        user_b="",
    )

    assert user_modules("user_entry") == {"user_entry", "user_b"}


def test_relative_imports_start_at_the_package(write: Write) -> None:
    write(
        user_space__one="from . import two\nfrom .deep.three import X",
        user_space__two="",
        user_space__deep__three="from ..four import Y\nX = 1",
        user_space__four="Y = 1",
    )

    assert user_modules("user_space.one") == {
        f"user_space.{name}" for name in ("one", "two", "deep.three", "four")
    }


def test_circles_end(write: Write) -> None:
    write(user_a="import user_b", user_b="import user_a")

    assert user_modules("user_a") == {"user_a", "user_b"}


def test_libraries_are_not_followed(write: Write) -> None:
    write(user_entry="import json, numpy, pytest, yaml")

    assert user_modules("user_entry") == {"user_entry"}


def test_modules_of_a_user_may_import_this_project(write: Write) -> None:
    write(user_entry="from shardline.components.readers.example_reader import Column")

    closure = import_closure("user_entry")

    assert "shardline.components.readers.example_reader" in closure
    assert "shardline.components.readers" in closure


def test_string_that_is_the_name_of_a_module_counts(write: Write) -> None:
    write(
        user_entry="PROGRAM = 'shardline.components.validator.replay.parity'\n"
        "OTHER = 'shardline.no.such.module'"
    )

    assert "shardline.components.validator.replay.parity" in import_closure(
        "user_entry"
    )


@pytest.mark.parametrize("executor", EXECUTORS)
def test_all_that_an_executor_really_imports_is_in_its_closure(executor: str) -> None:
    program = (
        f"import json, sys, {executor}\n"
        "names = [name for name in sys.modules if name.split('.')[0] == 'shardline']\n"
        "print(json.dumps(names))"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    imported = set(json.loads(finished.stdout.splitlines()[-1]))
    assert executor in imported
    assert imported - set(import_closure(executor)) == set()


@pytest.mark.parametrize(
    ("executor", "programs"),
    [
        (
            "shardline.components.exporter.executor",
            {
                "shardline.components.exporter.quantization.evaluation_split",
                "shardline.components.exporter.quantization.program",
                "shardline.components.evaluation.binary",
                "shardline.embedding.serving.tables",
            },
        ),
        (
            "shardline.components.validator.executor",
            {"shardline.components.validator.replay.program"},
        ),
    ],
)
def test_programs_that_run_in_another_process_count(
    executor: str, programs: set[str]
) -> None:
    assert programs - set(import_closure(executor)) == set()


def test_no_module_finds_another_file_from_its_own() -> None:
    """A program that is named by a path would be in no closure: import it instead."""
    files = {file for name in EXECUTORS for file in import_closure(name).values()}

    found = [
        file.parts[-3:]
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Name) and node.id == "__file__"
    ]

    # Native sources, which the digest of code takes with their package.
    assert set(found) == {("embedding", "native", "build.py")}


@pytest.mark.parametrize(
    ("executor", "others"),
    [
        ("example_gen", {"trainer", "exporter", "pusher", "features.writing", "model"}),
        ("schema_gen", {"trainer", "features.analysis", "readers.files", "model"}),
        ("features", {"trainer", "exporter", "validator", "pusher", "model"}),
        ("trainer", {"exporter", "pusher", "features.analysis", "features.writing"}),
        ("exporter", {"pusher", "trainer.loop", "features.analysis.beam_analysis"}),
        ("validator", {"trainer", "exporter", "pusher", "features", "readers"}),
        ("pusher", {"trainer", "exporter", "features", "readers", "model", "planner"}),
    ],
)
def test_keys_are_no_wider_than_the_step(executor: str, others: set[str]) -> None:
    closure = import_closure(f"shardline.components.{executor}.executor")

    wide = {
        module
        for module in closure
        for other in others
        if f"{module}.".startswith(f"shardline.components.{other}.")
    }

    assert wide == set()


@pytest.mark.parametrize("executor", ["example_gen", "validator", "pusher"])
def test_steps_that_train_nothing_do_not_depend_on_the_engine(executor: str) -> None:
    closure = import_closure(f"shardline.components.{executor}.executor")

    assert [module for module in closure if "shardline.embedding" in module] == []
