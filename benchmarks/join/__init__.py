"""Side files joined in the reader: `python -m benchmarks.join`.

`workload` makes rows and items, `programs` are run in processes of their own,
`sections` says what is asked of them.
"""
