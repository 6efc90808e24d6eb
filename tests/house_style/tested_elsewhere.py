"""The modules that have no tests of their own name, by the tests that they have.

A new module gets tests of its own name. These are parts of a larger thing, and what
they do shows in it: their tests are those of the whole, which is what users have.
"""

ELSEWHERE = {
    # Parts of the engine, which is tested through its interface.
    "embedding/contract": """
        embedding/autograph embedding/backend embedding/hosts embedding/config/shapes
        embedding/host/batch_queue embedding/host/kernels embedding/host/layout
        embedding/inputs/assertions embedding/inputs/structure embedding/inputs/weights
        embedding/tables/pooling embedding/tables/tracked_tables
    """,
    "embedding/test_extreme_weights.py": "embedding/tables/partition",
    "embedding/serving/test_lookup.py": """
        embedding/serving/checks embedding/serving/requests embedding/serving/rows
    """,
    # The kernels, which are tested against stock operations, and who chooses them.
    "embedding/native": """
        embedding/backend_choice embedding/host/native_kernels
        embedding/host/stock_kernels embedding/native/build
    """,
    # Parts of the engine on TPUs, which is tested on an emulated one.
    "embedding/tpu": """
        embedding/tpu/algorithms embedding/tpu/backend embedding/tpu/config_proto
        embedding/tpu/core_devices embedding/tpu/enqueue_inputs
        embedding/tpu/graph_walk embedding/tpu/guards embedding/tpu/pairing
        embedding/tpu/sparse_core_layout embedding/tpu/transfer
    """,
    # Parts of reading, which is tested with files of every format.
    "components/readers/files/test_unit_reader.py": """
        components/readers/files/columns/byte_arrays
        components/readers/files/columns/canonical
        components/readers/files/formats/csv/cells
        components/readers/files/formats/example_columns
        components/readers/files/formats/parquet
        components/readers/files/formats/tf_examples
        components/readers/files/formats/tfrecord
        components/readers/files/raw_batch components/readers/files/streams
    """,
    "components/readers/files/test_unit_splits.py": """
        components/readers/files/splits/held_out_rows
    """,
    "components/readers/files/judging/test_bad_input.py": """
        components/readers/files/judging/remedies
        components/readers/files/judging/tally
    """,
    "components/readers/files/judging/test_refusals.py": """
        components/readers/files/formats/message_types
    """,
    "components/readers/files/test_beam_reader.py": """
        components/readers/example_reader
        components/readers/files/judging/unit_reports
    """,
    "components/readers/files/test_heads.py": """
        components/readers/files/formats/csv/headers
    """,
    "components/readers/files/formats/csv/test_rows.py": """
        components/readers/files/formats/csv/quotes
        components/readers/files/formats/csv/text
    """,
    "components/readers/files/formats/csv/test_lists.py": """
        components/readers/files/columns/lists
    """,
    # What the synthetic ratings become, recomputed rating by rating.
    "components/readers/movielens/test_reader.py": """
        components/readers/movielens/examples components/readers/movielens/history
    """,
    # Steps of the Beam jobs, which are tested whole.
    "components/features/test_job.py": """
        components/features/analysis_job components/features/analysis/beam_analysis
        components/features/analysis/merged_counts components/features/reading/spans
        components/features/transform_job components/features/writing/atomic_file
        components/features/writing/example_files components/features/writing/sums
        components/features/writing/transform
    """,
    "components/features/test_lost_rows.py": "components/execution/worker_reports",
    "components/execution/test_beam_runners.py": """
        components/execution/in_memory_beam
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
        components/features/analysis/in_process components/features/analysis/statistics
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
    "components/trainer/test_loop.py": "components/trainer/executor",
    "components/validator/replay/test_parity.py": "components/trainer/rounding",
    "components/exporter/test_serving_model.py": """
        components/exporter/signatures components/model/dense_variables
    """,
    "components/exporter/quantization/test_precisions.py": """
        components/exporter/quantization/variants
    """,
    "compatibility/test_checkpoint.py": "components/exporter/executor",
    # Parts of publishing, which is tested by what comes out.
    "components/pusher/test_publish.py": """
        components/pusher/files components/pusher/publication
        components/pusher/stores/local_store components/pusher/stores/store
    """,
    "components/pusher/test_agent.py": "components/pusher/deltas/rebuild",
    "components/pusher/deltas/test_delta.py": "components/pusher/deltas/delta_manifest",
    "components/pusher/stores/test_object_store.py": "components/pusher/stores/stores",
    # Parts of the server, which is tested by asking it.
    "components/server/test_services.py": """
        components/server/grpc_service components/server/rest_service
        components/server/settings
    """,
    "components/server/test_codecs.py": "components/server/codec",
    # The command that runs the whole pipeline.
    "pipeline/test_run.py": "pipeline/runners/local",
}
