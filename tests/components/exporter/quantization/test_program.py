"""The program that measures a model: what it times, tries and refuses."""

import tensorflow as tf

from shardline.components.exporter.quantization.program import percentiles_ms


def test_percentiles_leave_out_the_first_requests() -> None:
    asked = []

    measured = percentiles_ms(asked.append, tf.constant([b""]), requests=5)

    assert len(asked) > 5
    assert list(measured) == ["p50", "p90", "p99"]
    assert 0 < measured["p50"] <= measured["p90"] <= measured["p99"]
