"""Shardline's feature step on its own, as `shardline preprocess` runs it."""

import argparse
from pathlib import Path

from benchmarks.preprocess.outputs import Outputs
from benchmarks.preprocess.program import measure
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.reading.job_examples import examples_of_job
from shardline.components.features.standalone import GRAPH, preprocess_standalone
from shardline.configs.load import load_job


def run(configuration: Path, output: Path) -> list[str]:
    """Preprocesses what a configuration names; returns what was left out, in lines."""
    job = load_job(configuration)
    report = preprocess_standalone(
        examples_of_job(job, [], configuration.parent),
        job.preprocessing(job.data.target),
        beam_runner("direct"),
        output=str(output / "ours"),
        file_formats=["tfrecord"],
    )
    return report.left_out


def outputs(output: Path) -> Outputs:
    """Returns what `run` wrote."""
    files = (output / "ours" / "examples" / "train").glob("*.gz")
    return Outputs(list(files), output / "ours" / GRAPH)


def main() -> None:
    """Measures the job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("configuration", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    measure(
        lambda: run(arguments.configuration, arguments.output),
        profile=arguments.profile,
    )


if __name__ == "__main__":
    main()
