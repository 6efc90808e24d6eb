"""One version of a model in memory, run as TensorFlow Serving runs it.

A session of the SavedModel, as the C API and TensorFlow Serving open it, and not
`tf.saved_model.load`: closing it gives its tables back at once, without Python's
garbage collector. That memory goes back to the system only where TensorFlow was
imported with `TF_ONEDNN_USE_SYSTEM_ALLOCATOR=1`.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from shardline.components.server.request_error import (
    RequestError,
    Status,
    from_tensorflow,
    in_words,
    invalid,
    quoted,
)

DEFAULT_SIGNATURE = "serving_default"
Arrays = dict[str, np.ndarray]


class VersionError(RuntimeError):
    """A version that cannot be served."""


@dataclasses.dataclass(frozen=True)
class Input:
    """What a signature says of one input.

    Attributes:
        dtype: the dtype of its values.
        shape: None stands for a length that is not said; None as a whole, for a rank.
        missing: what stands for a value that is missing: the one value of the input's
            default. None: no value may be missing.
    """

    dtype: tf.DType
    shape: tuple[int | None, ...] | None
    missing: Any = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of the model.

    Attributes:
        name: in the SavedModel.
        definition: its SignatureDef.
        inputs: the inputs by name.
        outputs: their names.
        function: from values in the order of the inputs to those of the outputs.
    """

    name: str
    definition: Any
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    function: Callable[..., list[np.ndarray]]

    @property
    def takes_examples(self) -> bool:
        """Whether its one input is a list of examples, which requests can share."""
        inputs = list(self.inputs.values())
        return inputs == [Input(tf.string, (None,))]

    def run(self, arrays: Mapping[str, np.ndarray]) -> Arrays:
        """Calls TensorFlow; blocks, without Python's lock.

        Args:
            arrays: every input by name, of the type that the signature says.

        Returns:
            Every output by name.

        Raises:
            RequestError: what TensorFlow refuses.
        """
        try:
            values = self.function(*(arrays[name] for name in self.inputs))
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from error
        except UnicodeDecodeError as error:
            # TensorFlow's words, with bytes of the request in them.
            raise invalid(in_words(error.object.decode(errors="replace"))) from error
        return dict(zip(self.outputs, values, strict=True))


class LoadedVersion:
    """A version that can be asked.

    Attributes:
        version: its number.
        signatures: the signatures by name.
    """

    def __init__(self, folder: Path, version: int):
        """Loads a SavedModel.

        Args:
            folder: the folder of the version.
            version: its number.

        Raises:
            VersionError: if TensorFlow cannot load it.
        """
        self.version = version
        self._running = 0
        self._stopped = threading.Condition()
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default():
                loaded = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], str(folder)
                )
            self.signatures = {
                name: self._signature(name, definition)
                for name, definition in loaded.signature_def.items()
                if definition.outputs and not name.startswith("__")
            }
        except Exception as error:
            self.close()
            raise VersionError(
                f"Version {version} in {folder} does not load: {error}"
            ) from error

    def signature(self, name: str) -> Signature:
        """Returns a signature by its name; "" is the default one.

        Args:
            name: as a request gives it.

        Raises:
            RequestError: if the model has none of that name.
        """
        found = self.signatures.get(name or DEFAULT_SIGNATURE)
        if found is None:
            raise RequestError(
                Status.FAILED_PRECONDITION,
                f"Serving signature key {quoted(name or DEFAULT_SIGNATURE)} not found. "
                f"Version {self.version} has {sorted(self.signatures)}.",
            )
        return found

    def close(self) -> None:
        """Waits for what runs, and gives the memory back. It cannot be asked again."""
        with self._stopped:
            self._stopped.wait_for(lambda: self._running == 0)
        self._session.close()

    def interrupt(self) -> None:
        """Ends what runs as soon as TensorFlow can. It cannot be asked again."""
        self._session.close()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._stopped:
            self._running += 1
        try:
            yield
        finally:
            with self._stopped:
                self._running -= 1
                self._stopped.notify_all()

    def _signature(self, name: str, definition: Any) -> Signature:
        inputs = {key: definition.inputs[key] for key in sorted(definition.inputs)}
        outputs = tuple(sorted(definition.outputs))
        options = config_pb2.CallableOptions(
            feed=[info.name for info in inputs.values()],
            fetch=[definition.outputs[key].name for key in outputs],
        )
        # `make_callable`, its public form, builds the call anew each time: 0.95 ms
        # for a small model and this 0.38 ms.
        call = self._session._make_callable_from_options(options)

        def function(*values: np.ndarray) -> list[np.ndarray]:
            with self._in_use():
                return list(call(*values))

        return Signature(
            name,
            definition,
            {key: _input(key, definition) for key in inputs},
            outputs,
            function,
        )


def _input(name: str, definition: Any) -> Input:
    info = definition.inputs[name]
    shape = None
    if not info.tensor_shape.unknown_rank:
        sizes = (dim.size for dim in info.tensor_shape.dim)
        shape = tuple(None if size < 0 else size for size in sizes)
    missing = None
    if name in definition.defaults:
        default = tf.make_ndarray(definition.defaults[name])
        missing = default.item() if default.size == 1 else None
    return Input(tf.as_dtype(info.dtype), shape, missing)
