"""A comparison in words: for the log, for the table of a run, and as a text file."""

from collections.abc import Iterator

from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    Comparison,
    Measured,
    SliceResult,
)

METRIC_NAMES = {
    "auc": "AUC",
    "grouped_auc": "grouped AUC",
    "normalized_entropy": "normalized entropy",
    "calibration": "calibration",
    "log_loss": "log loss",
    "recall_at_10": "recall at 10",
}
_SHOWN_SPANS = 3
_NAMES = {
    "candidate": "candidate",
    "in_service": "in service",
    "never_updated": "never updated",
}


def comparison_rows(comparison: Comparison) -> dict[str, str]:
    """Returns what to show of a comparison in the table of a run.

    Args:
        comparison: as the artifact holds it.
    """
    everything = comparison.slices[0]
    rows = {
        "Judged on": f"{comparison.judged_on}, {everything.examples:,} examples",
        **{
            _NAMES[model].capitalize(): _line(comparison, model)
            for model in comparison.models
        },
        "Unknown ids": "\n".join(_unknown_lines(comparison)),
        "Gates on data and change": _gates(comparison),
    }
    return {name: value for name, value in rows.items() if value}


def lines(comparison: Comparison) -> list[str]:
    """Returns the comparison in lines, for a log: all examples, and closed gates."""
    return [
        f"judged on {comparison.judged_on}, {comparison.slices[0].examples:,} examples",
        *(f"{_NAMES[name]}: {_line(comparison, name)}" for name in comparison.models),
        *(f"unknown ids of {line}" for line in _unknown_lines(comparison)),
        *(f"{gate.gate} FAILS: {gate.why}" for gate in comparison.closed),
        f"gates on data and change: {_gates(comparison)}",
    ]


def as_text(comparison: Comparison) -> str:
    """Returns the comparison as a text file: all gates, all slices with intervals."""
    open_gates = [
        f"{gate.gate} passes: {gate.why}" for gate in comparison.gates if gate.passes
    ]
    tables = [_table(comparison, result) for result in comparison.slices]
    return "\n".join([*lines(comparison), *open_gates, *tables]) + "\n"


def _line(comparison: Comparison, model: str) -> str:
    """Returns what a model is, and its metrics of all examples."""
    about = comparison.models[model]
    version = f"version {about.version}" if about.version else ""
    spans = f"trained on {_spans(about.spans)}" if about.spans else ""
    metrics = comparison.slices[0].metrics[model]
    values = [
        f"{METRIC_NAMES.get(name, name)} {measured.value:.4f}"
        for name, measured in metrics.items()
        if measured.value is not None
    ]
    # Of metrics within groups the text file says it.
    if why := metrics["auc"].undefined:
        values.append(f"AUC is undefined: {why}")
    said = ", ".join(filter(None, [version, spans]))
    return ": ".join(filter(None, [said, ", ".join(values)]))


def _spans(named: str) -> str:
    """Returns the spans as lineage names them; of many the first and the last."""
    names = named.split(", ")
    if len(names) <= _SHOWN_SPANS:
        return named
    return f"{len(names)} spans from {names[0]} to {names[-1]}"


def _unknown_lines(comparison: Comparison) -> Iterator[str]:
    """Yields the shares of unknown lookups of each feature that has any."""
    for feature, shares in comparison.out_of_vocabulary.items():
        if not any(shares.values()):
            continue
        told = [f"{_NAMES[model]} {share:.2%}" for model, share in shares.items()]
        yield f"{feature}: {', '.join(told)}"


def _gates(comparison: Comparison) -> str:
    closed = [gate.gate for gate in comparison.closed]
    count = len(comparison.gates)
    if not closed:
        return f"all {count} pass"
    return f"{', '.join(closed)} CLOSED, of {count}"


def _table(comparison: Comparison, result: SliceResult) -> str:
    """Returns a table of a slice: metrics by model, and the differences."""
    head = ["", *(_NAMES[model] for model in comparison.models)]
    others = [name for name in comparison.models if name != CANDIDATE]
    head += [f"less {_NAMES[model]}" for model in others]
    rows = [head]
    for metric, measured in result.metrics[CANDIDATE].items():
        if measured.undefined:
            continue
        row = [METRIC_NAMES.get(metric, metric)]
        for model in comparison.models:
            row.append(_cell(result.metrics[model].get(metric), ".4f"))
        for model in others:
            row.append(_cell(result.differences[model].get(metric), "+.4f"))
        rows.append(row)
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    title = (
        f"\n{result.name}: {result.examples:,} examples, {result.positives:,.6g} "
        "positive"
    )
    left_out = [
        f"{METRIC_NAMES.get(name, name)} is left out: {measured.undefined}"
        for name, measured in result.metrics[CANDIDATE].items()
        if measured.undefined
    ]
    return "\n".join([title, *(line.rstrip() for line in text), *left_out])


def _cell(measured: Measured | None, form: str) -> str:
    if measured is None or measured.value is None:
        return "-"
    cell = format(measured.value, form)
    if measured.interval:
        low, high = measured.interval.low, measured.interval.high
        cell += f" ({format(low, form)} to {format(high, form)})"
    return cell
