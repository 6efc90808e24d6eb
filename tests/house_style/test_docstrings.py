"""Docstrings are sentences, and say what a function takes and raises."""

from pathlib import Path

import pytest
from shardline_tests import load

docstrings = load(Path(__file__).with_name("docstrings.py"))
sources = load(Path(__file__).with_name("sources.py"))

# The docstrings of commands are what `shardline --help` prints, in the imperative.
COMMANDS = sources.ROOT / "pipeline" / "commands"
# A check of the doctor says what it asks of the machine: "TFX must import".
DIAGNOSIS = sources.ROOT / "pipeline" / "doctor" / "diagnosis.py"

of_each_module = pytest.mark.parametrize("path", sources.MODULES, ids=sources.name_of)


@of_each_module
def test_summary_is_a_sentence(path: Path) -> None:
    faults = docstrings.summary_faults(path.read_text())

    if COMMANDS in path.parents or path == DIAGNOSIS:
        faults = [fault for fault in faults if "no verb first" not in fault]
    assert faults == []


@of_each_module
def test_documented_arguments_are_those_of_the_signature(path: Path) -> None:
    assert docstrings.argument_faults(path.read_text()) == []


@of_each_module
def test_public_function_that_raises_says_what(path: Path) -> None:
    if COMMANDS in path.parents:
        pytest.skip("the docstrings of commands are their help")
    assert docstrings.error_faults(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    raise ValueError('x')", ["f"]),
        ("async def f():\n    raise ValueError('x')", ["f"]),
        ("def f():\n    'Raises:\\n  ValueError: x'\n    raise ValueError('x')", []),
        ("def _f():\n    raise ValueError('x')", []),
        ("def f():\n    try:\n        g()\n    except E:\n        raise", []),
        ("class C:\n    def f(self):\n        if x:\n            raise E('x')", ["f"]),
        ("def f():\n    def g():\n        raise E('x')\n    return g", []),
    ],
)
def test_errors_that_are_not_documented_are_found(
    source: str, found: list[str]
) -> None:
    assert docstrings.error_faults(source) == found


@pytest.mark.parametrize(
    ("summary", "fault"),
    [
        ("Returns the rows.", ""),
        ("Returns the rows", "no period"),
        ("Of all parts.", "a fragment"),
        ("The same, sorted.", "a fragment"),
        ("True where it is due.", "no verb first"),
        ("", ""),
    ],
)
def test_summary_that_is_no_sentence_is_found(summary: str, fault: str) -> None:
    source = f'def rows():\n    """{summary}"""' if summary else "def rows(): ..."

    faults = docstrings.summary_faults(source)

    assert [fault.split(": ")[1] for fault in faults] == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("signature", "documented", "is_found"),
    [
        ("a, b", ["a: one.", "b: two."], False),
        (
            "self, a, *more, b=1, **rest",
            ["a: x.", "*more: x.", "b: x.", "**rest: x."],
            False,
        ),
        ("a, b", ["a: one.", "    if b: is not."], True),
        ("a, b", ["b: two.", "a: one."], True),
        ("a", ["a: one.", "b: two."], True),
        ("a", ["a: one", "    of: these."], False),
    ],
)
def test_documented_arguments_of_another_signature_are_found(
    signature: str, documented: list[str], is_found: bool
) -> None:
    lines = "".join(f"        {line}\n" for line in documented)
    source = f'def f({signature}):\n    """Adds.\n\n    Args:\n{lines}    """'

    assert bool(docstrings.argument_faults(source)) == is_found


def test_docstring_of_a_property_says_what_it_holds() -> None:
    source = 'class C:\n    @property\n    def rows(self):\n        """The rows."""'

    assert docstrings.summary_faults(source) == []
