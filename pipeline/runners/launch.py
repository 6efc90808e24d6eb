"""Runs a pipeline once in this process, and loads TensorFlow and TFX for it.

They take seconds to load, which a run with nothing to do is spared.
"""

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shardline.configs.schema import Run
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import Event, EventWriter, ProgressHandler
from shardline.pipeline.steps import Part

if TYPE_CHECKING:
    from shardline.pipeline.metadata.earlier_runs import EarlierRun
    from shardline.pipeline.metadata.records import RunRecord
    from shardline.pipeline.runners.local_dag import LocalDag


class Launch:
    """What runs the pipeline of a configuration, each time that it is called."""

    def __init__(
        self,
        run: Run,
        config: Path,
        data: str,
        run_folder: RunFolder,
        writer: EventWriter,
        *,
        cache: bool,
        force: str,
        part: Part | None,
    ):
        """Takes what all runs have in common.

        Args:
            run: the configuration.
            config: its file.
            data: where the raw data lies.
            run_folder: where outputs go.
            writer: where events go.
            cache: whether to reuse earlier work.
            force: the reason to publish the model whatever the gates say; "" publishes
                only a model that passes them.
            part: which part of the pipeline to run; None: all of it.
        """
        self._run, self._config, self._data = run, config, data
        self._run_folder, self._writer = run_folder, writer
        self._cache, self._force, self._part = cache, force, part

    def prepare(self) -> None:
        """Loads what a run needs, and checks what the configuration names.

        Raises:
            ConfigError: if it names what does not exist or does not fit.
        """
        _ = self._runner

    def __call__(
        self,
        data_version: str,
        on_earlier: Callable[["EarlierRun"], None] = lambda _: None,
    ) -> dict[str, str]:
        """Runs the pipeline, and returns what to show.

        Args:
            data_version: digest of the raw data, or of what is planned by; "" if the
                part that runs does not look at it.
            on_earlier: called, before a part runs, with the run whose outputs it takes,
                if it takes any.

        Raises:
            ConfigError: if the configuration names what does not exist or does not fit.
            RunError: if a component did not come to its end, or outputs of an earlier
                run are not there or do not fit.
            RefusedError: if a gate kept the model from being published.
        """
        from shardline.pipeline.summary import summarize

        record = self._recorded(data_version, on_earlier)
        components = self._part.components if self._part else None
        return summarize(self._run, record, self._run_folder, components)

    @functools.cached_property
    def _runner(self) -> "LocalDag":
        self._writer.send(Event("progress", "setup", "loading TensorFlow and TFX"))
        from shardline.components.checker import preflight
        from shardline.components.trainer.conduct import write_conduct
        from shardline.embedding import configure_logical_hosts
        from shardline.pipeline.runners.local_dag import LocalDag

        run, writer = self._run, self._writer
        if not run.training.is_elsewhere:
            # Before any component starts TensorFlow's runtime with a single host.
            configure_logical_hosts(run.training.hosts)
        preflight.check(run, self._config)
        preflight.check_placement(run, self._config)
        logging.getLogger("shardline").addHandler(ProgressHandler(writer))
        write_conduct(self._run_folder.artifacts, run.training)
        return LocalDag(
            on_start=lambda component: writer.send(Event("started", component)),
            on_end=lambda *ended: writer.send(Event("finished", *ended)),
            workers=run.worker_processes,
            apart=["Trainer"] if run.training.is_elsewhere else [],
        )

    def _recorded(
        self, data_version: str, on_earlier: Callable[["EarlierRun"], None]
    ) -> "RunRecord":
        """Runs the pipeline, and returns the record of the run."""
        runner = self._runner
        from tfx.orchestration.pipeline import RunOptions

        from shardline.pipeline.metadata.earlier_runs import earlier_run
        from shardline.pipeline.metadata.store import sqlite_connection
        from shardline.pipeline.names import pipeline_name
        from shardline.pipeline.pipeline import create_pipeline

        pipeline = create_pipeline(
            self._run,
            pipeline_root=str(self._run_folder.artifacts),
            data_path=self._data,
            data_version=data_version,
            serving_dir=str(self._run_folder.serving),
            metadata_path=str(self._run_folder.metadata),
            cache=self._cache,
            force=self._force,
        )
        part = self._part
        if part is None:
            whole: RunRecord = runner.run(pipeline)
            return whole
        connection = sqlite_connection(self._run_folder.metadata)
        earlier = earlier_run(connection, pipeline_name(self._run.name), part.needed)
        if earlier and part.needed:
            on_earlier(earlier)
        options = RunOptions(
            from_nodes=[part.first] if part.first else None,
            to_nodes=[part.last] if part.last else None,
        )
        record: RunRecord = runner.run(pipeline, run_options=options, earlier=earlier)
        return record
