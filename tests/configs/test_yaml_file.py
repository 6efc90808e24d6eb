"""A YAML file knows the line of every key, and what is no mapping of sections."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_run
from shardline.configs.fault import Fault
from shardline.configs.yaml_file import read_yaml

TEXT = """\
name: tiny
data:
  reader: some.module.Reader
  path: ratings.zip
features:
  user_id: {table: user}
  genres: {table: genre, combiner: mean}
tables:
  user: {dim: 4, optimizer: {sgd: {}}}
  genre: {dim: 4, optimizer: {adagrad: {learning_rate: 0.5}}}
training:
  batch_size: 8
  epochs: 1
evaluation:
  min_auc: 0.5
"""


@pytest.mark.parametrize(
    ("config_path", "line"),
    [
        ((), 1),
        (("data",), 2),
        (("features", "genres"), 7),
        (("features", "genres", "combiner"), 7),
        (("tables", "genre", "rows"), 10),
        (("training", "batch_size"), 12),
        (("features", "unknown", "combiner"), 5),
        (("serving",), 1),
        (("name", "first"), 1),
    ],
)
def test_line_of_a_path_is_that_of_its_deepest_known_part(
    write: Callable[[str], Path], config_path: tuple[str, ...], line: int
) -> None:
    assert read_yaml(write(TEXT)).line_of(config_path) == line


def test_line_of_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


def test_located_fault_names_file_and_line(write: Callable[[str], Path]) -> None:
    path = write(TEXT)

    located = read_yaml(path).located(Fault(("data", "path"), "there is no such file"))

    assert (located.file, located.line) == (str(path), 4)
    assert str(located) == f"{path}:4: there is no such file."


def test_repeated_keys_are_faults_of_the_second_line(
    write: Callable[[str], Path],
) -> None:
    path = write(TEXT.replace("  path: ", "  reader: other\n  path: ", 1))

    with pytest.raises(ConfigError) as raised:
        read_yaml(path)

    (fault,) = raised.value.faults
    assert fault.config_path == ("data", "reader")
    assert fault.line == 4


@pytest.mark.parametrize(
    ("text", "line"), [("just words\n", 1), ("a: [1\nb: 2\n", 2), ("", 1)]
)
def test_what_is_no_mapping_is_a_fault_of_its_line(
    write: Callable[[str], Path], text: str, line: int
) -> None:
    with pytest.raises(ConfigError) as raised:
        read_yaml(write(text))

    (fault,) = raised.value.faults
    assert fault.line == line


def test_absent_file_is_a_config_error(tmp_path: Path) -> None:
    path = tmp_path / "absent.yaml"

    with pytest.raises(ConfigError) as raised:
        load_run(path)

    assert str(raised.value) == f"{path}: cannot be read: No such file or directory."


def test_folder_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    "content", [b"name: \xff\xfe\n", b"name: \x00\n"], ids=["no_utf8", "control"]
)
def test_file_that_is_no_text_is_a_config_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=str(path)):
        load_run(path)


@pytest.mark.parametrize(
    "value",
    ["!!python/name:os.system x", "{[a, b]: c}", "2001-99-99", "&loop [*loop]"],
    ids=["tag", "list_as_key", "no_date", "loop"],
)
def test_value_that_yaml_cannot_give_is_a_config_error(
    write: Callable[[str], Path], value: str
) -> None:
    path = write(TEXT.replace("name: tiny", f"name: {value}"))

    with pytest.raises(ConfigError, match=f"{path}:"):
        load_run(path)


def test_keys_given_twice_are_told_at_every_level(
    write: Callable[[str], Path],
) -> None:
    text = TEXT.replace("  epochs: 1", "  epochs: 1\n  batch_size: 16")
    path = write(
        text.replace("dim: 4, optimizer: {sgd", "dim: 4, dim: 8, optimizer: {sgd")
    )

    with pytest.raises(ConfigError) as raised:
        load_run(path)

    assert str(raised.value).splitlines() == [
        f"{path}:9: `dim` is given twice.",
        f"{path}:14: `batch_size` is given twice.",
    ]


@pytest.mark.parametrize("key", ["on", "off", "yes", "No", "true"])
def test_key_that_looks_like_a_truth_value_is_a_word(
    write: Callable[[str], Path], key: str
) -> None:
    path = write(f"{TEXT}  {key}: off\n")

    file = read_yaml(path)

    assert file.values["evaluation"] == {"min_auc": 0.5, key: False}
    assert file.line_of(("evaluation", key)) == 16
