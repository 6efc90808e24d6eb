"""The digest of the code that workers run."""

from shardline.components.execution.beam_engines.job_code import PREPROCESSING, job_code
from shardline.components.execution.import_closure import import_closure


def test_digest_is_of_what_makes_ids() -> None:
    closure = import_closure(PREPROCESSING)

    assert len(job_code()) == 16
    assert {
        "shardline.components.features.ids.arrow_tokens",
        "shardline.components.features.writing.transform",
        "shardline.components.readers.files.unit_reader",
    } <= set(closure)


def test_digest_of_other_jobs_is_another() -> None:
    scoring = "shardline.components.scorer.job"

    assert job_code(scoring) != job_code()
    assert "shardline.components.scorer.scoring" in import_closure(scoring)
