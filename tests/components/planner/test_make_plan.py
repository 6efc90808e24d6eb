"""A plan is made of the training examples, for the training that is asked for."""

from pathlib import Path

import pytest

from shardline.components.planner import make_plan as make_plan_module
from shardline.components.planner.make_plan import make_plan, training_setup
from shardline.components.planner.planning import TrainingSetup
from shardline.configs import Job, load_job

TEXT = """\
name: sales
data:
  path: FOLDER
  files:
    format: csv
    splits: {train: train.csv, eval: eval.csv}
features:
  user: {table: user}
tables:
  user: {dim: 4}
training: {batch_size: 10, epochs: 1, hosts: 2}
evaluation: {min_auc: 0.5}
"""
SETUP = TrainingSetup(hosts=2, batch_size=10, sparse_cores=4)


def job_of(folder: Path, *, eval_label: int = 1, text: str = TEXT) -> Job:
    rows = [f"{row % 2},u{row % 7}" for row in range(30)]
    (folder / "train.csv").write_text("\n".join(["label,user", *rows]))
    evaluated = [f"{eval_label},u1", f"{eval_label},u2", "1,u3"]
    (folder / "eval.csv").write_text("\n".join(["label,user", *evaluated]))
    path = folder / "sales.yaml"
    path.write_text(text.replace("FOLDER", str(folder)))
    return load_job(path)


def test_training_examples_alone_are_counted(tmp_path: Path) -> None:
    said: list[str] = []

    plan, bad = make_plan(job_of(tmp_path, eval_label=0), tmp_path, SETUP, said.append)

    assert plan.examples == 30
    assert plan.tables["user"].distinct == 7
    assert plan.tables["user"].lookups == 30
    assert (plan.hosts, plan.batch_size, plan.sparse_cores) == (2, 10, 4)
    assert plan.labels == []
    assert bad.lines() == []
    assert said[-1] == "Working out ids"


def test_labels_of_other_splits_are_told(tmp_path: Path) -> None:
    plan, _ = make_plan(job_of(tmp_path), tmp_path, SETUP, lambda line: None)

    (fault,) = plan.labels
    assert fault.startswith("Split `eval`: ")


def test_progress_is_told_while_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_plan_module, "_PROGRESS_EVERY_S", 0.0)
    said: list[str] = []

    make_plan(job_of(tmp_path), tmp_path, SETUP, said.append)

    assert said[0].startswith("Read 30 examples (")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [((None, None), (2, 10)), ((5, None), (5, 10)), ((None, 64), (2, 64))],
)
def test_setup_is_what_is_asked_for_or_the_trainings(
    tmp_path: Path, asked: tuple[int | None, int | None], expected: tuple[int, int]
) -> None:
    setup = training_setup(job_of(tmp_path), *asked, 8)

    assert (setup.hosts, setup.batch_size) == expected
    assert setup.sparse_cores == 8


def test_setup_without_a_training_section_is_one_host(tmp_path: Path) -> None:
    job = job_of(tmp_path, text=TEXT.partition("training:")[0])

    setup = training_setup(job, None, None, 4)

    assert (setup.hosts, setup.batch_size) == (1, 1024)


def test_setup_of_a_cluster_has_its_workers_for_hosts(tmp_path: Path) -> None:
    cluster = 'cluster: {chief: "a:1", workers: ["b:1", "c:1", "d:1"]}'
    job = job_of(tmp_path, text=TEXT.replace("hosts: 2", cluster))

    assert training_setup(job, None, None, 4).hosts == 3


def test_setup_of_a_tpu_needs_the_number_of_hosts(tmp_path: Path) -> None:
    job = job_of(tmp_path, text=TEXT.replace("hosts: 2", "tpu: local"))

    with pytest.raises(ValueError, match=r"training\.tpu is local, and .* by --hosts"):
        training_setup(job, None, None, 4)
    assert training_setup(job, 2, None, 4).hosts == 2
