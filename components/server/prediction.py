"""Turns the body of a request into the body of its answer, in any protocol."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from shardline.components.server.batching import Batcher, Threads
from shardline.components.server.checks import check_lengths
from shardline.components.server.codec import Answer, Codec
from shardline.components.server.metrics import Metrics
from shardline.components.server.model import Arrays, LoadedVersion, Signature
from shardline.components.server.request_error import RequestError, Status
from shardline.components.server.settings import Settings
from shardline.components.server.versions import Versions

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
# More than this is read and written in a thread, for it holds up all other requests.
_INLINE_BYTES = 1 << 16
# So many of those are read at once: JSON takes up to 30 times its bytes while it is.
_LARGE_AT_ONCE = 2


class Predictions:
    """Answers requests with the version that is served."""

    def __init__(
        self, settings: Settings, versions: Versions, threads: Threads, metrics: Metrics
    ):
        """Answers nothing yet.

        Args:
            settings: the limits.
            versions: what is served.
            threads: the threads to run in.
            metrics: counts every request.
        """
        self._in_flight = 0
        self._arriving = 0
        self._settings = settings
        self._versions = versions
        self._threads = threads
        self._metrics = metrics
        self._batchers: dict[tuple[LoadedVersion, str], Batcher] = {}
        self._reading_large = asyncio.Semaphore(_LARGE_AT_ONCE)

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """Counts a request as long as its body is on its way.

        Raises:
            RequestError: if there are too many.
        """
        self._refuse_beyond(self._in_flight + self._arriving + 1)
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    async def answer(self, codec: Codec, body: bytes) -> bytes:
        """Returns the reply to a request.

        Args:
            codec: the codec of its protocol.
            body: as it came.

        Raises:
            RequestError: if there is no answer, but one to say so.
        """
        labels = [codec.protocol, "", "OK"]
        started_s = time.monotonic()
        self._in_flight += 1
        self._metrics.in_flight.inc()
        try:
            return await self._reply(codec, body, labels)
        except RequestError as error:
            labels[2] = error.status.name
            # Without the frames it came through, which hold all that the request took.
            raise error.with_traceback(None) from None
        except asyncio.CancelledError:
            labels[2] = Status.CANCELLED.name
            raise
        except Exception as error:
            labels[2] = Status.INTERNAL.name
            _log.exception("A request failed")
            raise RequestError(
                Status.INTERNAL, "The server failed; its log says more."
            ) from error
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.dec()
            self._metrics.requests.labels(*labels).inc()
            if labels[2] == "OK":
                seconds = time.monotonic() - started_s
                self._metrics.seconds.labels(*labels[:2]).observe(seconds)

    async def _reply(self, codec: Codec, body: bytes, labels: list[str]) -> bytes:
        self._refuse_beyond(self._in_flight)
        is_large = len(body) > _INLINE_BYTES
        turn = self._reading_large if is_large else contextlib.nullcontext()
        with contextlib.ExitStack() as in_use:
            async with turn:
                query = await _called(is_large, codec.parse, body)
                model = in_use.enter_context(
                    self._versions.use(query.model, query.version)
                )
                signature = model.signature(query.signature)
                labels[1] = signature.name
                arrays = await _called(is_large, codec.arrays, query, signature)
            check_lengths(arrays, self._settings.max_examples)
            outputs = await self._outputs(model, signature, arrays)
        answer = Answer(model.version, signature, outputs)
        is_large = sum(array.nbytes for array in outputs.values()) > _INLINE_BYTES
        return await _called(is_large, codec.reply, query, answer)

    def _refuse_beyond(self, requests: int) -> None:
        if requests > self._settings.max_queue:
            raise RequestError(
                Status.RESOURCE_EXHAUSTED,
                f"{self._settings.max_queue} requests are being answered already "
                "(--max-queue). Try again later.",
            )

    async def _outputs(
        self, model: LoadedVersion, signature: Signature, arrays: Arrays
    ) -> Arrays:
        if not signature.takes_examples:
            return await self._threads.run(partial(signature.run, arrays))
        return await self._batcher(model, signature)(*arrays.values())

    def _batcher(self, model: LoadedVersion, signature: Signature) -> Batcher:
        key = (model, signature.name)
        if key not in self._batchers:
            # Versions that are no longer served must not be held any more.
            self._batchers = {
                held: batcher
                for held, batcher in self._batchers.items()
                if held[0] is self._versions.current
            }
            self._batchers[key] = self._new_batcher(signature)
        return self._batchers[key]

    def _new_batcher(self, signature: Signature) -> Batcher:
        (name,) = signature.inputs
        return Batcher(
            lambda examples: signature.run({name: examples}),
            self._threads,
            self._metrics,
            max_batch=self._settings.max_batch,
            timeout_s=self._settings.batch_timeout_s,
        )


async def _called(
    is_large: bool, function: Callable[..., _Result], *arguments: Any
) -> _Result:
    if is_large:
        return await asyncio.to_thread(function, *arguments)
    return function(*arguments)
