"""What a protocol does for a request: read it, and write the answer."""

import dataclasses
from typing import Any, Protocol

from shardline.components.server.model import Arrays, Signature


@dataclasses.dataclass(frozen=True)
class Query:
    """What a request asks for.

    Attributes:
        model: its name, as it was sent.
        version: None is the one that is served.
        signature: its name; "" is the default one.
        content: what the codec reads inputs from.
    """

    model: str
    version: int | None
    signature: str
    content: Any


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes:
        version: the version that was asked.
        signature: the signature that was called.
        outputs: the outputs by name.
    """

    version: int
    signature: Signature
    outputs: Arrays


class Codec(Protocol):
    """Reads requests and writes answers; both may run in any thread."""

    @property
    def protocol(self) -> str:
        """Its name, for metrics."""

    def parse(self, body: bytes) -> Query:
        """Returns what a request asks for; RequestError if it cannot be read."""

    def arrays(self, query: Query, signature: Signature) -> Arrays:
        """Returns every input of a signature; RequestError if they do not fit."""

    def reply(self, query: Query, answer: Answer) -> bytes:
        """Returns the answer to a request; RequestError if it has no such form."""
