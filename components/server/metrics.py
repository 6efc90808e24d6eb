"""What a server counts, for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_EXAMPLES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Metrics:
    """The metrics of one server, in a registry of their own.

    Attributes:
        requests: by protocol, signature ("" where it is not known) and code of gRPC.
        seconds: the seconds of answered requests, from the whole body to the reply.
        batches: examples of each call of TensorFlow.
        in_flight: requests that are being answered.
        waiting: those of them that wait for a thread.
        version: the version that is served; 0 is none.
        loads: versions that were loaded.
        load_failures: versions that could not be.
        load_seconds: the load seconds of the last load, warm-up included.
    """

    def __init__(self) -> None:
        """Starts all at zero."""
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "shardline_requests",
            "Requests",
            ["protocol", "signature", "code"],
            registry=registry,
        )
        self.seconds = Histogram(
            "shardline_request_seconds",
            "Time of answered requests",
            ["protocol", "signature"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batches = Histogram(
            "shardline_batch_examples",
            "Examples of a call",
            buckets=_EXAMPLES,
            registry=registry,
        )
        self.in_flight = Gauge(
            "shardline_requests_in_flight", "Requests being answered", registry=registry
        )
        self.waiting = Gauge(
            "shardline_requests_waiting", "Requests without a thread", registry=registry
        )
        self.version = Gauge(
            "shardline_version", "The version that is served", registry=registry
        )
        self.loads = Counter(
            "shardline_version_loads", "Versions loaded", registry=registry
        )
        self.load_failures = Counter(
            "shardline_version_load_failures",
            "Versions that do not load",
            registry=registry,
        )
        self.load_seconds = Gauge(
            "shardline_version_load_seconds", "Time of the last load", registry=registry
        )
        ProcessCollector(registry=registry)

    def page(self) -> bytes:
        """Returns the text that Prometheus reads."""
        return generate_latest(self._registry)
