"""The sizes between which slopes are taken."""

import dataclasses

from benchmarks.engine.workload import Workload

# Rows of each split, and ids of a row in the list; there is a single id besides.
ROWS = (20_000, 120_000)
LISTED_IDS = (5, 45)
# The table of tokens doubles where it is full, and is emptiest just then: as here.
TOKENS = (1_000_000, 2_000_000)
MODEL_ROWS = (1_000_000, 4_000_000)
SET_ROWS = 2_000_000
CLUSTER_HOSTS = 2
STEP = Workload(tables=4, rows=500_000, dim=16, batch=4096, ids_per_example=5)
MORE_IDS = dataclasses.replace(STEP, ids_per_example=20)
WIDER = dataclasses.replace(STEP, dim=128)
