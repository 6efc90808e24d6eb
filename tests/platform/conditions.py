"""The conditions of a specification's tasks, judged as the platforms judge them.

They are written in the Common Expression Language, of which TFX uses a small part:
properties and URIs of input artifacts, numbers and texts, comparisons, and, or, not.
Anything else is an error, and so is a comparison of two types, as it is there.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_TEXT = re.compile(r"('[^']*')")
_IN_PYTHON = {"&&": " and ", "||": " or ", "!": " not "}
_OPERATOR = re.compile(r"&&|\|\||!(?!=)")
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}


class ConditionError(ValueError):
    """A condition that cannot be judged, on which a platform fails the run."""


def holds(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Tells whether a condition holds.

    Args:
        condition: what stands in a task's `triggerPolicy`.
        inputs: those of the task's ExecutorInput, as JSON has them.

    Raises:
        ConditionError: if it names what is not there, compares values of two types, is
            neither true nor false, or has what TFX does not write.
    """
    pieces = _TEXT.split(condition)
    # Every other piece is a text, in which no sign is an operator.
    pieces[::2] = [
        _OPERATOR.sub(lambda found: _IN_PYTHON[found[0]], piece)
        for piece in pieces[::2]
    ]
    try:
        value = _value(ast.parse("".join(pieces).strip(), mode="eval").body, inputs)
    except (SyntaxError, LookupError) as error:
        raise ConditionError(f"{condition}: {error!r}") from error
    if not isinstance(value, bool):
        raise ConditionError(f"{condition}: neither true nor false, but {value!r}")
    return value


def _value(node: ast.expr, inputs: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id="inputs"):
            return inputs
        case ast.Attribute(value=of, attr=name):
            return _value(of, inputs)[name]
        case ast.Subscript(value=of, slice=key):
            return _value(of, inputs)[_value(key, inputs)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, inputs)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(value, inputs) for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_value(value, inputs) for value in values)
        case ast.Compare(left=left, ops=[comparison], comparators=[right]) if (
            type(comparison) in _COMPARISONS
        ):
            return _compared(
                _COMPARISONS[type(comparison)],
                _value(left, inputs),
                _value(right, inputs),
            )
    raise ConditionError(f"TFX does not write {ast.unparse(node)!r}")


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        raise ConditionError(f"{left!r} and {right!r} are of two types")
    return compare(left, right)
