"""The files and names of a model folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from shardline.components.contracts import model_folder
from shardline.components.contracts.model_folder import (
    loaded_bytes,
    version_of,
    versions_among,
    write_extra,
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["9", "10"], [9, 10]),
        (["10/", "9/"], [9, 10]),
        (["7", "name", ".incoming-1-2", "8.tmp", "-9", "", "+3", " 4"], [7]),
        (["name"], []),
        (["7", "08", "٩", "00"], [7]),
        (["7", str(2**63), "9" * 5000], [7]),
        ([str(2**63 - 1), str(10**18)], [10**18, 2**63 - 1]),
        (["0"], [0]),
        (["10", "9/", "deltas", ".lock"], [9, 10]),
    ],
    ids=[
        "none",
        "two",
        "slashes",
        "others",
        "name",
        "digits",
        "large",
        "largest",
        "zero",
        "order",
    ],
)
def test_versions_are_whole_numbers_of_64_bits_in_order(
    names: list[str], expected: list[int]
) -> None:
    assert versions_among(names) == expected
    assert [version_of(str(version)) for version in expected] == expected


def test_bytes_are_those_of_all_files_but_what_travels(tmp_path: Path) -> None:
    for name, size in {
        model_folder.GRAPH_FILE: 3,
        f"{model_folder.VARIABLES_PREFIX}.index": 5,
        f"{model_folder.VOCABULARIES_FOLDER}/words": 7,
        model_folder.WARMUP_FILE: 11,
        f"{model_folder.PARITY_FOLDER}/scores.npy": 13,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"." * size)

    assert loaded_bytes(tmp_path) == {
        "saved_model.pb": 3,
        "variables/variables.index": 5,
        "assets/words": 7,
    }


def test_text_is_written_beside_the_model(tmp_path: Path) -> None:
    write_extra(tmp_path / "new", model_folder.CARD_FILE, "é\n")
    write_extra(str(tmp_path / "new"), model_folder.PRECISION_FILE, "{}")

    extra = tmp_path / "new" / "assets.extra"
    assert (extra / "model.json").read_bytes() == "é\n".encode()
    assert (extra / "forms.json").read_text() == "{}"


def test_paths_are_those_of_published_versions() -> None:
    """Versions that were published once are read by these names."""
    names = {
        name: value
        for name, value in vars(model_folder).items()
        if name.isupper() and not name.startswith("_")
    }

    assert names == {
        "GRAPH_FILE": "saved_model.pb",
        "FINGERPRINT_FILE": "fingerprint.pb",
        "VARIABLES_FOLDER": "variables",
        "VARIABLES_PREFIX": "variables/variables",
        "VOCABULARIES_FOLDER": "assets",
        "CARD_FILE": "assets.extra/model.json",
        "PRECISION_FILE": "assets.extra/forms.json",
        "ROWS_FILE": "assets.extra/rows.json",
        "PARITY_FOLDER": "assets.extra/parity",
        "WARMUP_FILE": "assets.extra/tf_serving_warmup_requests",
        "PUBLICATION_FILE": "assets.extra/publication.json",
    }


def test_it_imports_neither_tensorflow_nor_tfx() -> None:
    program = (
        "import sys, shardline.components.contracts.model_folder\n"
        "print(sorted({'tensorflow', 'tfx', 'numpy', 'pydantic'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_names_are_written_nowhere_else() -> None:
    """Who reads or writes a model folder asks this module where things are."""
    root = Path(model_folder.__file__).parents[2]
    names = ["assets.extra", "publication.json", "model.json", "forms.json"]
    names += ["saved_model.pb", "tf_serving_warmup_requests"]
    found = {
        path.relative_to(root).as_posix()
        for room in ("components", "configs", "embedding", "pipeline")
        for path in (root / room).rglob("*.py")
        for line in path.read_text().splitlines()
        if any(f'"{name}' in line or f'{name}"' in line for name in names)
    }

    assert found == {"components/contracts/model_folder.py"}
