"""How many worker processes a step takes, by the examples that it has to do with."""

# Of one worker process at least, so that it saves more time than starting takes: an
# example takes 20 microseconds of statistics and 150 of evaluation, and the start six
# seconds, once in a run. And a file of examples is not divided.
EXAMPLES_OF_A_WORKER = {
    "StatisticsGen": 300_000,
    "SpanStatistics": 300_000,
    "Evaluator": 100_000,
}


def number_of_workers(component: str, examples: int, cores: int) -> int:
    """Returns how many worker processes are worth their start.

    Args:
        component: the id of the step; one that is not in `EXAMPLES_OF_A_WORKER` gets 1.
        examples: of the largest split that it reads, for one split is done after the
            other.
        cores: that there are.

    Returns:
        1 if none is, and the step is to run in the process that asks.
    """
    enough = EXAMPLES_OF_A_WORKER.get(component)
    return max(1, min(cores, examples // enough)) if enough else 1


def worker_options(number: int) -> list[str]:
    """Returns Beam's options for so many worker processes; none for 1."""
    if number == 1:
        return []
    return ["--direct_running_mode=multi_processing", f"--direct_num_workers={number}"]
