"""FBGEMM's table-batched embedding on CPUs: the engine under TorchRec.

All tables in one operator, exact Adagrad fused into its backward pass; ids and offsets
are tensors before the clock starts. Runs in the rivals' environment.
"""

import argparse

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import (
    EmbeddingLocation,
    PoolingMode,
)
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    SplitTableBatchedEmbeddingBagsCodegen,
)

from benchmarks.engine.program import serve
from benchmarks.engine.workload import BATCHES, GRADIENT, LEARNING_RATE, Workload


def main() -> None:
    """Serves `step` and `forward`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    workload = parser.parse_args().workload
    tables = SplitTableBatchedEmbeddingBagsCodegen(
        [(workload.rows, workload.dim, EmbeddingLocation.HOST, ComputeDevice.CPU)]
        * workload.tables,
        optimizer=EmbOptimType.EXACT_ADAGRAD,
        learning_rate=LEARNING_RATE,
        pooling_mode=PoolingMode.SUM,
    )
    batches = [torch.from_numpy(ids.reshape(-1)) for ids in workload.batches()]
    ids_per_step = workload.tables * workload.ids_per_table
    offsets = torch.arange(0, ids_per_step + 1, workload.ids_per_example)
    gradient = torch.full((workload.batch, workload.tables * workload.dim), GRADIENT)

    def step(i: int) -> None:
        tables(batches[i % BATCHES], offsets).backward(gradient)

    def forward(i: int) -> None:
        with torch.no_grad():
            tables(batches[i % BATCHES], offsets)

    serve({"step": step, "forward": forward}, ("torch", "fbgemm-gpu-cpu"))


if __name__ == "__main__":
    main()
