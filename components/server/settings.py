"""What can be set of a server when it starts."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a server finds its model, where it listens, and what it takes.

    Attributes:
        folder: the serving folder, with a folder for each version.
        name: what requests call the model.
        host: the address to listen at.
        grpc_port: 0 is a free one.
        rest_port: 0 is a free one.
        poll_s: how often the folder is looked at.
        max_batch: examples that are run together; 1 runs each request by itself.
        batch_timeout_s: how long a request waits for others to be run with. With 0 it
            does not wait: what has queued up behind busy threads is run together.
        max_request_bytes: of one request, as it comes and as tensors.
        max_examples: of one request.
        max_queue: requests at once, those that run included.
        read_timeout_s: how long the body of an HTTP request may take to arrive.
        grace_s: how long requests may take to finish once the server is to stop.
    """

    folder: Path
    name: str
    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    poll_s: float = 1.0
    max_batch: int = 256
    batch_timeout_s: float = 0.0
    max_request_bytes: int = 16 << 20
    max_examples: int = 8192
    max_queue: int = 256
    read_timeout_s: float = 30.0
    grace_s: float = 10.0
