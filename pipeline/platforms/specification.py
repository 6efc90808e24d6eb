"""Compiles the pipeline of a run for Kubeflow Pipelines v2 and Vertex AI."""

import json
from pathlib import Path

import yaml
from tfx.v1.orchestration.experimental import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from shardline.components.checker import preflight
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.configs.schema import Run
from shardline.pipeline.pipeline import NEVER_REUSED, create_pipeline
from shardline.pipeline.platforms.mending import mend_conditions, never_cache


def compile_kubeflow(
    run: Run,
    *,
    pipeline_root: str,
    serving_dir: str,
    data_path: str,
    image: str,
    output: Path,
) -> None:
    """Writes the pipeline specification, JSON of schema 2.1.

    Args:
        run: the configuration.
        pipeline_root: where the platform keeps artifacts, such as a bucket.
        serving_dir: the folder that model servers watch.
        data_path: the raw data, as containers see it.
        image: container image that has this project installed.
        output: the file to write.

    Raises:
        ConfigError: if the configuration names what does not exist or does not fit.
        OSError: if the file cannot be written.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    preflight.check(run)
    pipeline = create_pipeline(
        run,
        pipeline_root=pipeline_root,
        data_path=data_path,
        data_version=run.data.download.sha256 if run.data.download else data_path,
        serving_dir=serving_dir,
        # Without a digest, new data at the same path would not be noticed; which spans
        # are there, a step of the pipeline itself looks.
        cache=run.data.download is not None or run.data.spans is not None,
        # Beam's default runner fetches a program. With an image to run in, TFX does
        # not make a package of itself for workers elsewhere.
        beam_options=[
            f"--runner={IN_MEMORY_RUNNER}",
            f"--sdk_container_image={image}",
        ],
    )
    runner = KubeflowV2DagRunner(
        config=KubeflowV2DagRunnerConfig(
            default_image=image, use_pipeline_spec_2_1=True
        ),
        output_dir=str(output.parent),
        output_filename=output.name,
    )
    runner.run(pipeline, write_out=True)
    _mend(output)


def _mend(path: Path) -> None:
    """Mends what TFX has written: a specification as YAML, or a job as JSON."""
    text = path.read_text()
    is_yaml = path.suffix in (".yaml", ".yml")
    content = yaml.safe_load(text) if is_yaml else json.loads(text)
    spec = content if is_yaml else content["pipelineSpec"]
    mend_conditions(spec)
    never_cache(spec, NEVER_REUSED)
    if is_yaml:
        lines = text.splitlines(keepends=True)
        comments = "".join(line for line in lines if line.startswith("#"))
        path.write_text(comments + yaml.safe_dump(content, sort_keys=True))
    else:
        path.write_text(json.dumps(content, sort_keys=True))
