"""The file of a DAG: whole or not there, and no other file is lost."""

from pathlib import Path

import pytest

from shardline.pipeline.airflow.dag import DagError
from shardline.pipeline.airflow.files import write_dag
from shardline.pipeline.airflow.parts import MARK

pytestmark = pytest.mark.orchestration
TEXT = f'"""{MARK}."""\n'


def test_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "dags" / "shop.py"

    write_dag(path, TEXT)
    write_dag(path, TEXT + "x = 1\n")

    assert path.read_text() == TEXT + "x = 1\n"
    assert [file.name for file in path.parent.iterdir()] == ["shop.py"]


@pytest.mark.parametrize("content", [b"import os\n", b"\xff\xfe", b""])
def test_file_of_somebody_else_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.py"
    path.write_bytes(content)

    with pytest.raises(DagError, match=r"shop.py .*another"):
        write_dag(path, TEXT)

    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["shop", "shop.yaml", "shop.pyc"])
def test_file_that_airflow_does_not_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DagError, match=r"Airflow reads DAGs from files \*\.py"):
        write_dag(tmp_path / name, TEXT)


def test_folder_in_its_place_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "shop.py").mkdir()

    with pytest.raises(DagError, match=r"shop\.py cannot be written: Is a directory"):
        write_dag(tmp_path / "shop.py", TEXT)

    assert [file.name for file in tmp_path.iterdir()] == ["shop.py"]


def test_path_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DagError, match=r"cannot be written: File exists\. Choose"):
        write_dag(tmp_path / "file" / "shop.py", TEXT)
