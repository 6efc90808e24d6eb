"""Preprocessing beside stock TensorFlow Transform, measured in one run.

    sections.py       what is measured, and the bars
    workload.py       columns and configuration of the records
    records.py        makes the records
    outputs.py        reads what a job wrote
    comparison.py     whether two jobs wrote the same
    bad_files.py      makes bad input; bad_input.py sees what a job makes of it
    programs/         ours, stock TFT, and what looks at their outputs: a process each
    program.py        a program's side: runs the job once, says what it took
    session.py        the measuring side of it
    report.py         table, JSON, docs/benchmarks-preprocess.md (page.md, remarks.md)

Run by `make bench-preprocess`; see `__main__.py`.
"""
