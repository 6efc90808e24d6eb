"""The served model beside one with stock Keras embeddings; publishing; the server.

    sections.py       what is measured: latency.py, delta.py, ..., a section each
    workload.py       the model's features, and requests
    models.py         transform graph, checkpoint and export, without a pipeline
    rival.py          the same model with stock Keras layers
    programs/         what is measured, a process each
    program.py        the side of a program that runs once
    requests.py       how models are asked
    session.py        what sections share
    report.py         table, JSON, docs/benchmarks-serving.md (page.md, remarks.md)

Run by `make bench-serving`; see `__main__.py`.
"""
