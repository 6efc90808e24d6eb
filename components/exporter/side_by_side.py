"""The forms of a model's tables beside one another, as lines of text."""

from collections.abc import Iterator, Mapping

from components.exporter.variants import Measured

_COLUMNS = "{:<8} {:>10} {:>10} {:>7} {:>22} {:>22} {:>6} {:>8} {:>9}"
_TITLES = "tables,model,smaller,1 example,256 examples,load,entropy,increase"
_UNITS = "MB,MB,times,p50 / p90 / p99 ms,p50 / p90 / p99 ms,s,,%"
_MEGABYTE = 1e6


def side_by_side(variants: Mapping[str, Measured]) -> Iterator[str]:
    """Yields headers, and a line for each variant.

    Args:
        variants: what was measured, by name; others are compared with "float32".
    """
    base = variants["float32"]
    for header in (_TITLES, _UNITS):
        yield _COLUMNS.format("", *header.split(","))
    for name, measured in variants.items():
        weight = measured.weight
        yield _COLUMNS.format(
            name,
            f"{measured.table_bytes / _MEGABYTE:.3f}",
            f"{measured.model_bytes / _MEGABYTE:.3f}",
            f"{base.table_bytes / measured.table_bytes:.2f}",
            _percentiles(weight.latency_ms["1"]),
            _percentiles(weight.latency_ms["256"]),
            f"{weight.load_s:.1f}",
            f"{weight.normalized_entropy:.5f}",
            f"{100 * measured.increase(base):+.4f}",
        )


def _percentiles(latency_ms: Mapping[str, float]) -> str:
    return " / ".join(f"{latency_ms[name]:.2f}" for name in ("p50", "p90", "p99"))
