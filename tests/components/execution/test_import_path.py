"""Objects named by import path."""

import importlib
import sys
from pathlib import Path

import pytest

from shardline.components.execution.import_path import (
    construct,
    current_path,
    load_object,
)
from shardline.components.model.dlrm import DLRM


def test_object_is_found_by_its_path() -> None:
    assert load_object("shardline.components.model.dlrm.DLRM") is DLRM


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_module.Reader", "No module named 'no_such_module'"),
        ("components.no_such_module.Reader", "No module named"),
        (
            "shardline.components.model.dlrm.NoSuchModel",
            "has no attribute 'NoSuchModel'",
        ),
    ],
)
def test_object_that_is_not_there_is_an_error(path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"`{path}` cannot be imported: .*{reason}"):
        load_object(path)


def test_options_are_passed_as_keywords() -> None:
    assert construct("fractions.Fraction", {"numerator": 3, "denominator": 6}) == 0.5


def test_option_that_is_not_taken_names_those_that_are() -> None:
    with pytest.raises(
        ValueError,
        match=r"does not take these options.*hidden_unit'"
        r".*It takes \(hidden_units",
    ):
        construct("shardline.components.model.dlrm.DLRM", {"hidden_unit": [4]})


def test_refused_value_keeps_the_reason_of_the_one_who_refuses() -> None:
    with pytest.raises(ValueError, match="refuses its options: eval_fraction is 2,"):
        construct(
            "shardline.components.readers.movielens.MovieLens100K", {"eval_fraction": 2}
        )


def test_module_with_an_error_of_its_own_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_reader.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ValueError, match="No module named 'no_such_dependency'"):
        load_object("broken_reader.Reader")

    assert "broken_reader" not in sys.modules


@pytest.mark.parametrize(
    "path",
    [
        "components.dlrm.DLRM",
        "components.files.beam_reader.FileReader",
        "components.movielens.MovieLens100K",
    ],
)
def test_object_is_found_by_the_path_that_an_earlier_version_had(path: str) -> None:
    found = load_object(path)

    assert found.__name__ == path.rpartition(".")[2]
    assert found is load_object(current_path(path))
    assert current_path(path).startswith("shardline.components.")


def test_path_of_this_version_stays() -> None:
    path = "shardline.components.model.dlrm.DLRM"

    assert current_path(path) == path


def test_module_of_a_user_with_such_a_path_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "components").mkdir()
    # The tests may run in the folder of this project, whose own folder of that name
    # comes before one that is no regular package.
    (tmp_path / "components" / "__init__.py").touch()
    (tmp_path / "components" / "dlrm.py").write_text("DLRM = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    for name in ("components", "components.dlrm"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    try:
        assert current_path("components.dlrm.DLRM") == "components.dlrm.DLRM"
        assert load_object("components.dlrm.DLRM") == 1
        assert current_path("components.movielens.MovieLens100K") == (
            "shardline.components.readers.movielens.MovieLens100K"
        )
    finally:
        for name in ("components", "components.dlrm"):
            sys.modules.pop(name, None)
