"""The whole pipeline on 1,000,000 rows, with and without worker processes, in one run.

    sections.py       what is measured
    workload.py       the rows, and their configuration
    programs/         a run of the pipeline, watched
    page.md           docs/benchmarks-pipeline.md, with remarks.md

Run by `make bench-pipeline`; see `__main__.py`.
"""
