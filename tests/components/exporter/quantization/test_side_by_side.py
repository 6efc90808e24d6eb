"""The table of precisions, for people."""

from pathlib import Path

from shardline.components.exporter.quantization.measurement import Measurement
from shardline.components.exporter.quantization.side_by_side import side_by_side
from shardline.components.exporter.quantization.variants import MeasuredVariant


def measured(table_bytes: int, normalized_entropy: float) -> MeasuredVariant:
    times = {"p50": 1.0, "p90": 2.0, "p99": 1234.5}
    measurement = Measurement(9, normalized_entropy, 1.26, {"1": times, "256": times})
    return MeasuredVariant(Path("model"), table_bytes, 12_345_678_901, measurement)


def test_variants_stand_beside_one_another_in_a_console() -> None:
    names = ("float32", "float16", "int8", "chosen")
    variants = {name: measured(4000 // n, 0.8) for n, name in enumerate(names, start=1)}

    lines = list(side_by_side(variants | {"chosen": measured(1250, 0.801)}))

    # The console puts "  Exporter: " before each.
    assert {len(line) for line in lines} == {66}
    said = {line[:22].strip(): line[22:].split() for line in lines}
    assert said["tables as"] == [*names]
    assert said["model, MB"] == ["12345.679"] * 4
    assert said["tables smaller, times"] == ["1.00", "2.00", "3.00", "3.20"]
    assert said["1 example, p99, ms"] == ["1234.50"] * 4
    assert said["256 examples, p50, ms"] == ["1.00"] * 4
    assert said["its increase, %"] == ["+0.0000"] * 3 + ["+0.1250"]
