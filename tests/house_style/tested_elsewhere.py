"""The modules that have no tests of their own name, by the tests that they have.

A new module gets tests of its own name. These are parts of a larger thing, and what
they do shows in it: their tests are those of the whole, which is what users have.
"""

ELSEWHERE = {
    # Parts of the engine, which is tested through its interface.
    "embedding/contract": "embedding/backend",
    # The kernels, which are tested against stock operations, and who chooses them.
    "embedding/native": """
        embedding/host/native_kernels embedding/host/stock_kernels
    """,
    # Parts of the engine on TPUs, which is tested on an emulated one.
    "embedding/tpu": """
        embedding/tpu/graph_walk embedding/tpu/guards embedding/tpu/pairing
        embedding/tpu/sparse_core_layout embedding/tpu/transfer
    """,
    # Files of sets are written by numpy there, and folded.
    "embedding/checkpoint/sets/test_chain.py": """
        embedding/checkpoint/sets/compaction embedding/checkpoint/sets/reader
        embedding/checkpoint/sets/writer
    """,
    # Parts of a warm start, which is compared with its definition.
    "embedding/checkpoint/warm_start/test_starting.py": """
        embedding/checkpoint/warm_start/errors embedding/checkpoint/warm_start/means
        embedding/checkpoint/warm_start/set_source
        embedding/checkpoint/warm_start/source embedding/checkpoint/warm_start/transfer
    """,
    # What a save says and builds on shows in saves.
    "embedding/checkpoint/sets/test_saver.py": "embedding/checkpoint/sets/saved",
    "embedding/checkpoint/sets/test_saver_chains.py": """
        embedding/checkpoint/sets/parent
    """,
    # What is watched of a step shows in refusals, and on a TPU in notes.
    "components/trainer/test_guard.py": "components/trainer/watch",
    "components/trainer/test_tpu_learner.py": "components/trainer/replica_guard",
    # Parts of reading, which is tested with files of every format.
    "components/readers/files/test_unit_reader.py": """
        components/readers/files/columns/canonical
        components/readers/files/formats/csv/cells
        components/readers/files/formats/example_columns
        components/readers/files/formats/parquet
        components/readers/files/formats/readers
        components/readers/files/formats/tf_examples
        components/readers/files/formats/tfrecord components/readers/files/raw_batch
    """,
    # Parts of a join, which is compared with that of pandas.
    "components/readers/files/joins/test_joining.py": """
        components/readers/files/joins/joined_rows components/readers/files/joins/join
    """,
    # What spans are like shows where they are read and told.
    "components/contracts/spans/test_files.py": "components/contracts/spans/profile",
    "components/span_examples/test_executor.py": """
        components/span_examples/reading
    """,
    # Spans are cut in each format.
    "components/readers/files/spans/test_found.py": """
        components/readers/files/spans/cutting components/readers/span_reader
    """,
    "components/readers/files/judging/test_refusals.py": """
        components/readers/files/formats/message_types
    """,
    "components/readers/files/test_beam_reader.py": "components/readers/example_reader",
    "components/readers/files/test_heads.py": """
        components/readers/files/formats/csv/headers
    """,
    "components/readers/files/formats/csv/test_rows.py": """
        components/readers/files/formats/csv/quotes
        components/readers/files/formats/csv/text
    """,
    "components/readers/files/formats/csv/test_syntax.py": """
        components/readers/files/formats/csv/stand_ins
    """,
    # Parts of a guess, which is compared with what was written.
    "components/readers/files/formats/csv/guessing/test_dialects.py": """
        components/readers/files/formats/csv/guessing/cell_kinds
        components/readers/files/formats/csv/guessing/first_lines
        components/readers/files/formats/csv/guessing/layouts
    """,
    # Parts of a draft, whose text is loaded and whose choices are looked at.
    "components/drafter/test_drafting.py": """
        components/drafter/choices components/drafter/document
        components/drafter/errors components/drafter/joining
        components/drafter/samples components/drafter/summary
        components/drafter/tables
    """,
    # What the synthetic ratings become, recomputed rating by rating.
    "components/readers/movielens/test_reader.py": """
        components/readers/movielens/examples components/readers/movielens/history
    """,
    # Steps of the Beam jobs, which are tested whole.
    "components/features/test_job.py": """
        components/features/analysis_job components/features/analysis/beam_analysis
        components/features/analysis/merged_counts components/features/transform_job
        components/features/writing/example_files components/features/writing/outcome
        components/features/writing/sums components/features/writing/transform
    """,
    "components/features/test_standalone.py": """
        components/features/writing/output_folder
    """,
    # The job of scoring, which is tested whole.
    "components/scorer/test_job.py": "components/scorer/scoring",
    "components/features/test_lost_rows.py": "components/execution/worker_reports",
    # Statistics are compared with those of TFX.
    "components/statistics_gen/test_executor.py": """
        components/contracts/example_statistics
    """,
    # Parts of worker processes, which are started and killed.
    "components/execution/worker_processes/test_runner.py": """
        components/execution/worker_processes/handler
        components/execution/worker_processes/program
    """,
    "components/execution/beam_engines": "components/execution/beam_engines/errors",
    # What runs in workers shows in graphs of pipelines.
    "components/execution/beam_engines/test_dask_graph.py": """
        components/execution/beam_engines/dask_bundles
    """,
    # Parts of the transform graph: what training and serving read must be one thing.
    "components/features/graph/test_missing.py": """
        components/features/graph/loaded_graph components/features/graph/numbers
        components/features/graph/raw_adapter components/features/graph/raw_checks
        components/features/graph/single_values components/features/graph/writer
    """,
    "components/features/test_derived.py": """
        components/features/graph/derived components/features/graph/derived_graph
    """,
    "components/features/analysis/test_summary.py": """
        components/features/analysis/in_process
        components/features/analysis/statistics
    """,
    "components/trainer/test_labels.py": "components/features/graph/outputs",
    # Ids and tokens are computed twice, for Arrow and for tensors, and must agree.
    "components/features/ids/test_twins.py": """
        components/features/ids/arrow_ids components/features/ids/tensor_ids
        components/features/ids/tensor_tokens
    """,
    # Parts of a plan, of training and of the exported model.
    "components/planner/test_planning.py": """
        components/planner/counting components/planner/report
    """,
    "components/trainer/test_loop.py": """
        components/trainer/early_stop components/trainer/executor
    """,
    "components/exporter/quantization/test_precisions.py": """
        components/exporter/quantization/variants
    """,
    "components/trainer/test_warm_started_training.py": """
        components/trainer/span_inputs components/trainer/warm_start
    """,
    # What a whole training leaves.
    "components/trainer/test_killed_training.py": """
        components/trainer/job components/trainer/parity
    """,
    "components/trainer/placement/test_logical.py": """
        components/trainer/placement/placement
    """,
    "embedding/cluster/test_supervisor.py": "embedding/cluster/stop_signals",
    "components/trainer/test_row_maps.py": "components/contracts/warm_start_facts",
    "compatibility/test_checkpoint.py": "components/exporter/executor",
    # Parts of publishing, which is tested by what comes out.
    "components/pusher/test_publish.py": """
        components/pusher/stores/local_store components/pusher/stores/store
    """,
    # Parts of the server, which is tested by asking it.
    "components/server/test_services.py": """
        components/server/grpc_service components/server/rest_service
        components/server/settings
    """,
    "components/server/test_json_text.py": "components/server/codec",
    # Parts of the pipeline, and the loop over spans, which only whole runs show.
    "pipeline/test_pipeline.py": "pipeline/data_steps pipeline/model_steps",
    "pipeline/test_span_run.py": "pipeline/runners/span_loop",
    "pipeline/test_part_run.py": "pipeline/runners/launch",
    # What a platform refuses shows in what is compiled for it.
    "pipeline/platforms/test_target.py": """
        pipeline/platforms/kubeflow_rules pipeline/platforms/vertex_rules
    """,
    # What is asked of platforms shows in what their clients send.
    "pipeline/platforms/test_kubeflow.py": """
        pipeline/platforms/errors pipeline/platforms/silence
    """,
    "pipeline/commands/test_submit.py": """
        pipeline/commands/platform_failures
        pipeline/platforms/remote pipeline/platforms/submission
    """,
    "pipeline/metadata/test_records.py": "pipeline/metadata/run_error",
    # A scheduler is tested whole, by what it starts, writes down and says.
    "pipeline/schedule/test_scheduler.py": """
        pipeline/schedule/journal pipeline/schedule/start
        pipeline/schedule/watched_config
    """,
    "pipeline/schedule/test_hooks.py": "pipeline/schedule/clock",
    "pipeline/commands/test_schedule.py": """
        pipeline/schedule/holding pipeline/schedule/run_process
        pipeline/schedule/scheduled_run pipeline/schedule/status
    """,
    # The parts of a DAG's text, which Airflow reads whole.
    "pipeline/airflow/test_writer.py": "pipeline/airflow/parts",
    # What commands show is tested by what they print.
    "pipeline/commands/test_preprocess.py": "pipeline/commands/beam_job",
    "pipeline/commands/test_checkpoint.py": "pipeline/commands/checkpoint_tables",
    # Parts of an erasure, which is done to a whole run folder, killed and done again.
    "pipeline/erasure/test_erase.py": """
        components/eraser/transformed
        components/eraser/work pipeline/erasure/kept pipeline/erasure/removed
    """,
}
