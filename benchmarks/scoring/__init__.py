"""Batch scoring beside the model alone: `python -m benchmarks.scoring`.

`workload` makes the rows and the model, `programs` are run in processes of their own,
`sections` says what is asked of them.
"""
