"""`shardline plan`: what the tables of a configuration will hold and cost."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from shardline.components.checker.preflight import find_own_modules
from shardline.components.checker.split_labels import (
    add_labels,
    judged_splits,
    label_faults,
)
from shardline.components.evaluation.binary import Labels
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.graph.derived import DerivedBatches
from shardline.components.features.graph.derived_graph import write_derived_graph
from shardline.components.features.reading.sources import Examples, Source
from shardline.components.planner.counting import Counting
from shardline.components.planner.planning import (
    SAMPLED_BATCHES,
    TrainingSetup,
    plan_of,
)
from shardline.components.planner.report import FeatureIds, Plan
from shardline.components.readers.files import (
    BadInput,
    Tally,
    refuse,
    units_of,
    why_empty,
)
from shardline.components.readers.files.unit_reader import read_unit
from shardline.configs import Job
from shardline.pipeline.commands.preprocess import examples_of
from shardline.pipeline.terminal.tables import show

_TRAIN = "train"
_DEFAULT_BATCH = 1024
_TOLD_EVERY_S = 1.0


def make_plan(
    job: Job,
    downloads: Path,
    setup: TrainingSetup,
    say: Callable[[str], None],
) -> tuple[Plan, BadInput]:
    """Reads the training examples once and plans.

    Of other splits only the labels are looked at, until both were seen.

    Args:
        job: the configuration.
        downloads: where a fetched data package is kept.
        setup: what is planned for.
        say: takes a line now and then that tells how far the reading is.

    Returns:
        The plan, and what was left out of the data.

    Raises:
        ConfigError: if the data section names no files.
        BadInputError: if something in the files is bad and not to be skipped.
        DatasetError: if the data cannot be had.
        ValueError: if there is no training example, or the user's own function does
            not give the columns that the configuration says.
    """
    find_own_modules()
    examples = examples_of(job, [], downloads)
    settings = examples.settings.of_split(_TRAIN)
    bad, tally = settings.new_bad_input(), Tally()
    sampled_rows = SAMPLED_BATCHES * setup.batch_size
    counting = Counting(job.preprocessing(job.data.target), sampled_rows)
    labels: dict[str, Labels] = {}
    started = told = time.monotonic()
    with _own_columns(job, examples, say) as with_own:
        for unit, first, batch in _batches(examples, bad, tally, job, labels):
            counting.add(with_own(batch), unit, first)
            if time.monotonic() - told > _TOLD_EVERY_S:
                told = time.monotonic()
                rate = counting.examples / (told - started)
                say(f"Read {counting.examples:,} examples ({rate:,.0f}/s)")
    refuse(tally, bad, {_TRAIN: _training_files(examples)}, settings)
    if not counting.examples:
        raise ValueError(_nothing_to_plan(examples, bad))
    _add_other_splits(examples, bad, job, labels)
    faults = [str(fault) for fault in label_faults(job, labels)]
    say("Working out ids")
    made = plan_of(job.name, counting, job.feature_set, setup)
    return made.model_copy(update={"labels": faults}), bad


def _nothing_to_plan(examples: Examples, bad: BadInput) -> str:
    files = _training_files(examples)
    why = "\n".join(bad.lines()) or why_empty(_TRAIN, files, examples.settings)
    return (
        "There is no training example to plan for. "
        f"{why or 'Check `data.files.splits.train`.'}"
    )


@contextlib.contextmanager
def _own_columns(
    job: Job, examples: Examples, say: Callable[[str], None]
) -> Iterator[Callable[[pa.RecordBatch], pa.RecordBatch]]:
    """Gives what adds the columns of the user's own function to a batch."""
    if job.derived is None:
        yield lambda batch: batch
        return
    say(f"Analysing what `{job.derived.function}` needs")
    with tempfile.TemporaryDirectory(prefix="shardline-plan-") as folder:
        write_derived_graph(folder, examples, job.derived, beam_runner("direct"))
        yield DerivedBatches(folder, job.derived).with_derived


def training_setup(
    job: Job, hosts: int | None, batch_size: int | None, sparse_cores: int
) -> TrainingSetup:
    """Returns what to plan for: what is given, else what training will have."""
    training = job.training
    return TrainingSetup(
        hosts=hosts or (training.hosts if training else 1),
        batch_size=batch_size or (training.batch_size if training else _DEFAULT_BATCH),
        sparse_cores=sparse_cores,
    )


def _batches(
    examples: Examples, bad: BadInput, tally: Tally, job: Job, labels: dict[str, Labels]
) -> Iterator[tuple[int, int, pa.RecordBatch]]:
    """Yields (number of the file, number of the first row in it, batch).

    What is held out of the same files counts among the labels.
    """
    settings = examples.settings.of_split(_TRAIN)
    for number, unit in enumerate(units_of(_training_files(examples), settings, 1)):
        first = 0
        for split, batch in read_unit(unit, settings, bad, tally=tally):
            add_labels(labels, split, batch, job)
            if split == _TRAIN:
                yield number, first, batch
                first += batch.num_rows


def _training_files(examples: Examples) -> list[str]:
    return [f for s in examples.sources if s.split == _TRAIN for f in s.files]


def _add_other_splits(
    examples: Examples, bad: BadInput, job: Job, labels: dict[str, Labels]
) -> None:
    """Reads splits that have their own files until both labels were seen."""
    judged = judged_splits(job)
    for source in examples.sources:
        if source.split in judged:
            for split, batch in _read(source, examples, bad):
                add_labels(labels, split, batch, job)
                if labels[split].both:
                    break


def _read(
    source: Source, examples: Examples, bad: BadInput
) -> Iterator[tuple[str, pa.RecordBatch]]:
    settings = examples.settings.of_split(source.split)
    for unit in units_of(source.files, settings, 1):
        yield from read_unit(unit, settings, bad)


def render(plan: Plan, bad: BadInput, console: Console) -> None:
    """Shows a plan."""
    show(_tables(plan), console)
    show(_lookups(plan), console)
    if all(ids.is_always_one for ids in plan.features.values()):
        console.print("Every feature has always one id a row.")
    else:
        show(_features(plan), console)
    show(_limits(plan), console)
    for line in bad.lines():
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    for line in _warnings(plan):
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    told = f"{plan.examples:,} examples; {_bytes(plan.row_bytes)} of rows, "
    told += f"{_bytes(plan.total_bytes)} with slots"
    if plan.hosts > 1:
        busiest = max(plan.host_shares) * plan.hosts
        told += f"; busiest of {plan.hosts} hosts {busiest:.2f} times the mean"
    console.print(
        told,
        highlight=False,
        soft_wrap=True,
    )


def _tables(plan: Plan) -> Table:
    numbers = ["distinct", "rows", "bytes", "with slots"]
    table = _new_table(f"Tables of {plan.name}", ["table", "ids"], numbers)
    for name, one in plan.tables.items():
        ids = one.ids.partition(", ")[0].replace("_buckets:", "").replace(":", "")
        table.add_row(
            name,
            ids,
            f"{one.distinct:,}",
            f"{one.rows:,}",
            _bytes(one.row_bytes),
            _bytes(one.total_bytes),
        )
    return table


def _lookups(plan: Plan) -> Table:
    numbers = ["hot (80 %)", "top 10", "out of\nvocab.", "collide"]
    numbers.append(f"busiest\nof {plan.hosts}")
    table = _new_table("Lookups", ["table"], numbers)
    for name, one in plan.tables.items():
        table.add_row(
            name,
            f"{one.hot_ids:,}",
            f"{one.top_10:.0%}",
            _share(one.out_of_vocabulary),
            _share(one.colliding),
            f"{one.imbalance:.2f}",
        )
    return table


def _features(plan: Plan) -> Table:
    several = {n: ids for n, ids in plan.features.items() if not ids.is_always_one}
    ones = len(plan.features) - len(several)
    title = f"Ids a row ({ones} more features have always one)" if ones else "Ids a row"
    numbers = ["mean", "p50", "p99", "max", "cut off"]
    table = _new_table(title, ["feature", "table"], numbers)
    for name, ids in several.items():
        table.add_row(name, ids.table, *_feature_cells(ids))
    return table


def _feature_cells(ids: FeatureIds) -> list[str]:
    numbers = (ids.p50, ids.p99, ids.most)
    return [
        f"{ids.mean:.2f}",
        *(f"{n:,}" for n in numbers),
        _share(ids.cut_off or None),
    ]


def _limits(plan: Plan) -> Table:
    title = (
        f"SparseCore limits seen in {plan.sampled_batches} sampled batches of "
        f"{plan.sampled_examples // plan.sampled_batches:,}, {plan.sparse_cores} cores"
    )
    numbers = ["max_ids_per_partition", "max_unique_ids_per_partition"]
    table = _new_table(title, ["table"], numbers)
    for name, one in plan.tables.items():
        limits = one.limits
        table.add_row(
            name,
            f"{limits.max_ids_per_partition:,}",
            f"{limits.max_unique_ids_per_partition:,}",
        )
    return table


def _warnings(plan: Plan) -> Iterator[str]:
    yield from plan.labels
    for name, table in plan.tables.items():
        if table.rows < table.needed_rows:
            yield (
                f"Table `{name}` needs {table.needed_rows:,} rows and has "
                f"`rows: {table.rows}`. Give it more, or fewer tokens by `max_tokens` "
                "or `min_count`."
            )
    if plan.sampled_examples < plan.batch_size:
        yield (
            f"There are {plan.sampled_examples:,} examples, less than one batch of "
            f"{plan.batch_size:,}: the limits are those of a smaller batch."
        )


def _new_table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for header in words:
        table.add_column(header)
    for header in numbers:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def _share(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{share:.1%}" if share else "0"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"


def write_json(plan: Plan, path: Path) -> None:
    """Writes a plan, whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(plan.model_dump_json(indent=2))
    scratch.replace(path)
