"""The page that Prometheus reads."""

from shardline.components.server.metrics import Metrics


def test_page_has_every_metric_from_the_start() -> None:
    page = Metrics().page().decode()

    for name in (
        "shardline_batch_examples_count 0.0",
        "shardline_requests_in_flight 0.0",
        "shardline_requests_waiting 0.0",
        "shardline_version 0.0",
        "shardline_version_loads_total 0.0",
        "shardline_version_load_failures_total 0.0",
        "shardline_version_load_seconds 0.0",
        "process_resident_memory_bytes",
    ):
        assert name in page


def test_servers_count_apart() -> None:
    first, second = Metrics(), Metrics()

    first.requests.labels("grpc", "lookup", "OK").inc()

    line = 'shardline_requests_total{code="OK",protocol="grpc",signature="lookup"} 1.0'
    assert line in first.page().decode()
    assert line not in second.page().decode()
