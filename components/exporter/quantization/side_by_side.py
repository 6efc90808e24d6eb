"""The precisions of a model's tables beside one another, as lines of text.

A column for each variant: with a console's prefix they fit 80 columns.
"""

from collections.abc import Iterable, Iterator, Mapping

from shardline.components.exporter.quantization.variants import MeasuredVariant

_MEGABYTE = 1e6
_PERCENTILES = ("p50", "p90", "p99")


def side_by_side(variants: Mapping[str, MeasuredVariant]) -> Iterator[str]:
    """Yields the names of variants, and a line for each thing that was measured.

    Args:
        variants: what was measured, by name; others are compared with "float32".
    """
    yield _line("tables as", variants)
    base = variants["float32"]
    columns = [_measured(base, variant) for variant in variants.values()]
    for what in columns[0]:
        yield _line(what, [column[what] for column in columns])


def _measured(base: MeasuredVariant, variant: MeasuredVariant) -> dict[str, str]:
    """Returns what there is to say of a variant."""
    measurement = variant.measurement
    return {
        "tables, MB": f"{variant.table_bytes / _MEGABYTE:.3f}",
        "model, MB": f"{variant.model_bytes / _MEGABYTE:.3f}",
        "tables smaller, times": f"{base.table_bytes / variant.table_bytes:.2f}",
        "load, s": f"{measurement.load_s:.1f}",
        **{
            f"{size} {'example' if size == '1' else 'examples'}, {name}, ms": (
                f"{latency_ms[name]:.2f}"
            )
            for size, latency_ms in measurement.latency_ms.items()
            for name in _PERCENTILES
        },
        "normalized entropy": f"{measurement.normalized_entropy:.5f}",
        "its increase, %": f"{100 * variant.increase(base):+.4f}",
    }


def _line(what: str, values: Iterable[str]) -> str:
    return f"{what:<22}" + "".join(f"{value:>11}" for value in values)
