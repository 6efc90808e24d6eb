"""What must hold of a request before TensorFlow sees it.

TensorFlow itself refuses most of it too, but some of its checks end the process, and
not one of them says which input it was.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from shardline.components.server.model import Input, Signature
from shardline.components.server.request_error import invalid, quoted

# Of an element in an array of strings, beside the string.
POINTER_BYTES = 8
_SPLITS = "_row_splits"
_VALUES = "_values"
_WEIGHTS = "_weights"


def check_names(signature: Signature, given: Iterable[str]) -> None:
    """Refuses inputs that a signature does not have, and wants those that it has.

    Args:
        signature: what is called.
        given: the inputs' names.

    Raises:
        RequestError: naming what is too much and what is missing.
    """
    names = set(given)
    extra, missing = (
        sorted(names - set(signature.inputs)),
        sorted(set(signature.inputs) - names),
    )
    if extra or missing:
        raise invalid(
            f"Inputs do not match the signature {signature.name!r}. Sent extra: "
            f"{[quoted(name) for name in extra[:10]]}. Missing but required: {missing}."
        )


def check_shape(name: str, spec: Input, shape: Sequence[int]) -> None:
    """Compares a shape with what the signature says of an input.

    Args:
        name: the name of the input.
        spec: what the signature says.
        shape: the shape of what came.

    Raises:
        RequestError: if they do not fit.
    """
    if any(size < 0 for size in shape):
        raise invalid(f"Input {name!r}: a negative length in the shape {shape!r:.200}.")
    if spec.shape is None:
        return
    fits = len(shape) == len(spec.shape) and all(
        wanted in (None, size) for wanted, size in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise invalid(
            f"Input {name!r}: expected the shape {tf.TensorShape(spec.shape)}, "
            f"got {list(shape)!r:.200}."
        )


def check_bytes(name: str, shape: Sequence[int], value_bytes: int, limit: int) -> None:
    """Refuses a tensor that would take more memory than a request may.

    Args:
        name: the name of the input.
        shape: the shape of the tensor.
        value_bytes: of one value.
        limit: bytes.

    Raises:
        RequestError: if it would.
    """
    size = math.prod(shape) * value_bytes
    if size > limit:
        raise invalid(
            f"Input {name!r}: the shape {list(shape)!r:.200} takes {size} bytes, more "
            f"than the {limit} of a request (--max-request-bytes). Send fewer."
        )


def check_lengths(arrays: Mapping[str, np.ndarray], max_examples: int) -> None:
    """Checks row splits, and that there are examples, but not too many.

    Args:
        arrays: the inputs by name.
        max_examples: of one request.

    Raises:
        RequestError: naming the input that is wrong.
    """
    examples = [
        _examples(name, array, arrays)
        for name, array in arrays.items()
        if array.ndim and not _has_splits(name, arrays)
    ]
    most = max(examples, default=1)
    if most == 0:
        raise invalid("The request holds no examples. Send at least one.")
    if most > max_examples:
        raise invalid(
            f"The request holds {most} examples; this server takes {max_examples} "
            "at once (--max-examples). Send them in several requests."
        )


def _examples(name: str, array: np.ndarray, arrays: Mapping[str, np.ndarray]) -> int:
    values = arrays.get(name.removesuffix(_SPLITS) + _VALUES)
    if not name.endswith(_SPLITS) or values is None:
        return len(array)
    _check_splits(name, array, len(values))
    weights = arrays.get(name.removesuffix(_SPLITS) + _WEIGHTS)
    if weights is not None and len(weights) != len(values):
        raise invalid(
            f"Input {name.removesuffix(_SPLITS) + _WEIGHTS!r}: {len(weights)} weights "
            f"for {len(values)} values. Send one each."
        )
    return len(array) - 1


def _check_splits(name: str, splits: np.ndarray, values: int) -> None:
    fits = (
        len(splits) > 0
        and splits[0] == 0
        and splits[-1] == values
        and bool(np.all(splits[:-1] <= splits[1:]))
    )
    if not fits:
        shown = np.array2string(splits, threshold=6, edgeitems=3)
        raise invalid(
            f"Input {name!r}: row splits must start at 0, never go down and end at "
            f"the number of values, {values}; got {shown}."
        )


def _has_splits(name: str, arrays: Mapping[str, np.ndarray]) -> bool:
    """Tells whether an input is the values or weights of one with row splits."""
    return any(
        name.endswith(suffix) and name.removesuffix(suffix) + _SPLITS in arrays
        for suffix in (_VALUES, _WEIGHTS)
    )
