"""What is wrong with the form of docstrings, as lines; none if all is well.

The linter checks that there is a docstring, and that what it documents it documents in
Google's style. This checks what it does not: that a summary is a sentence, that the
documented arguments are those of the signature, and that errors are documented.
"""

import ast
import re
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef | ast.Module

# A summary that begins so is part of a sentence: "Of all parts.", "The same, sorted."
_FRAGMENT = re.compile(r"(As|At|By|For|From|In|Of|On|The same|To|With)\b")
_ARGUMENTS = re.compile(r"^Args:\n((?:    .*\n?|\n)*)", re.MULTILINE)
_ARGUMENT = re.compile(r"^    \*{0,2}(\w+)(?: \([^)]*\))?:", re.MULTILINE)


def summary_faults(source: str) -> list[str]:
    """Returns the summaries that are no sentences.

    Any summary ends with a period and does not begin as a fragment does. That of a
    public function begins with a verb in the third person, such as "Returns"; a
    property's says what it holds.
    """
    faults = []
    for node in _documented(ast.parse(source)):
        docstring = ast.get_docstring(node)
        if docstring is None:
            continue
        first_line = docstring.splitlines()[0]
        if not first_line.endswith("."):
            faults.append(f"{_name(node)}: no period: {first_line}")
        if _FRAGMENT.match(first_line):
            faults.append(f"{_name(node)}: a fragment: {first_line}")
        elif _is_public_function(node) and not re.match(r"[A-Z][a-z]*s\b", first_line):
            faults.append(f"{_name(node)}: no verb first: {first_line}")
    return faults


def argument_faults(source: str) -> list[str]:
    """Returns the functions whose `Args:` are not the arguments, in their order."""
    faults = []
    for node in _documented(ast.parse(source)):
        section = _ARGUMENTS.search(ast.get_docstring(node) or "")
        if section is None or not isinstance(node, Function):
            continue
        documented = _ARGUMENT.findall(section[1])
        arguments = _arguments(node)
        if documented != arguments:
            faults.append(f"{node.name}: has {arguments}, documents {documented}")
    return faults


def error_faults(source: str) -> list[str]:
    """Returns the public functions that raise a new error and do not document it."""
    return [
        function.name
        for function in _public_functions(ast.parse(source).body)
        if _raises_itself(function)
        and "Raises:" not in (ast.get_docstring(function) or "")
    ]


def _documented(module: ast.Module) -> Iterator[Documented]:
    yield from (node for node in ast.walk(module) if isinstance(node, Documented))


def _name(node: Documented) -> str:
    return "the module" if isinstance(node, ast.Module) else node.name


def _is_public_function(node: Documented) -> bool:
    if not isinstance(node, Function) or node.name.startswith("_"):
        return False
    return not any("property" in ast.unparse(one) for one in node.decorator_list)


def _arguments(function: Function) -> list[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args]
    every += [arguments.vararg] if arguments.vararg else []
    every += arguments.kwonlyargs
    every += [arguments.kwarg] if arguments.kwarg else []
    return [one.arg for one in every if one.arg not in ("self", "cls")]


def _public_functions(body: list[ast.stmt]) -> Iterator[Function]:
    """Yields public functions, and the methods of public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body)
        elif isinstance(node, Function):
            if node.name == "__init__" or not node.name.startswith("_"):
                yield node


def _raises_itself(function: Function) -> bool:
    """Tells whether the function's own body raises a new exception."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            return True
        if not isinstance(node, (Function, ast.Lambda, ast.ClassDef)):
            pending += list(ast.iter_child_nodes(node))
    return False
