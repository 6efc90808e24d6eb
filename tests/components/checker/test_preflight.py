"""What is checked before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.checker import preflight
from shardline.configs import ConfigError, load_run


def faults_of(config: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        preflight.check(load_run(config))
    return str(raised.value).splitlines()


def test_good_configuration_passes(small_config: Callable[..., Path]) -> None:
    preflight.check(load_run(small_config()))


def test_reader_that_is_not_there_is_a_fault(small_config: Callable[..., Path]) -> None:
    (fault,) = faults_of(
        small_config(reader="shardline.components.readers.movielens.NoReader")
    )

    assert fault.startswith(
        "data.reader: `shardline.components.readers.movielens.NoReader` cannot be"
    )


def test_reader_option_that_is_not_taken_is_a_fault(
    small_config: Callable[..., Path],
) -> None:
    options = "{eval_fraktion: 0.2}"

    (fault,) = faults_of(small_config(options=options))

    assert fault.startswith(
        "data.reader: `shardline.components.readers.movielens.MovieLens100K` does "
    )
    assert "eval_fraktion" in fault
    assert "eval_fraction" in fault


def test_reader_option_out_of_range_is_a_fault(
    small_config: Callable[..., Path],
) -> None:
    (fault,) = faults_of(small_config(options="{eval_fraction: 1.5}"))

    assert fault.startswith(
        "data.reader: `shardline.components.readers.movielens.MovieLens100K` refuses"
    )
    assert "eval_fraction is 1.5, expected" in fault


def test_faults_of_columns_and_model_come_together(
    small_config: Callable[..., Path],
) -> None:
    config = small_config(
        user_id="{table: user, column: usr}",
        label="clicked",
        hidden_units="[16], droput: 0.1}",
    )

    faults = faults_of(config)

    assert len(faults) == 3
    assert any("feature `user_id`: column `usr` is not among" in f for f in faults)
    assert any("label: column `clicked` is not among" in f for f in faults)
    assert faults[2].startswith("model")
    assert (
        "`shardline.components.model.dlrm.DLRM` does not take these options"
        in faults[2]
    )


def test_early_stop_on_a_split_that_is_not_given_is_a_fault(
    small_config: Callable[..., Path],
) -> None:
    early_stop = "40\n  early_stop: {every_steps: 5, split: held_out}"

    (fault,) = faults_of(small_config(steps=early_stop))

    assert "gives splits " in fault
    assert "and not `held_out`" in fault


def test_features_that_the_model_cannot_join_are_a_fault(
    small_config: Callable[..., Path],
) -> None:
    (fault,) = faults_of(small_config(user="{dim: 3, optimizer: {sgd: {}}}"))

    assert fault.startswith("model: ")
    assert "one dim for all" in fault
    assert "user_id 3" in fault


@pytest.mark.parametrize(
    "builder",
    ["fractions.Fraction", "keras.layers.Identity", "collections.OrderedDict"],
)
def test_builder_that_makes_no_model_is_a_fault(
    small_config: Callable[..., Path], builder: str
) -> None:
    config = small_config()
    text = config.read_text()
    config.write_text(
        text.replace("options: {hidden_units: [16]}", f"builder: {builder}")
    )

    (fault,) = faults_of(config)

    assert fault.startswith("model: ")


FILES = """
name: sales
data:
  files: {format: csv, splits: {train: "*.csv"SPLITS}}
  path: FOLDER
  label: bought
  example_weight: times_seen
features:
  user: {table: user}
  path: {table: item, max_sequence_length: 3, ids: {range: 9}}
numbers:
  age: {scale: z_score}
  price: {log: true}
tables: {user: {dim: 8}, item: {dim: 8}}
model: {MODEL}
training: {batch_size: 128, steps: 1}
evaluation: {min_auc: 0.5}
"""


@pytest.fixture
def files_config(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration of files and numbers, whose model is the default."""

    def write(model: str = "", splits: str = ", eval: x/*.csv") -> Path:
        text = FILES.replace("FOLDER", str(tmp_path)).replace("SPLITS", splits)
        path = tmp_path / "sales.yaml"
        path.write_text(text.replace("MODEL", model))
        return path

    return write


def test_files_and_numbers_pass(files_config: Callable[..., Path]) -> None:
    preflight.check(load_run(files_config()))


def test_split_that_no_files_give_is_a_fault(files_config: Callable[..., Path]) -> None:
    (fault,) = faults_of(files_config(splits=""))

    assert fault.startswith("data.files: they give splits train, and not `eval`")
    assert fault.endswith("name it in `splits` or `held_out`")


def test_model_that_takes_no_numbers_is_a_fault(
    files_config: Callable[..., Path],
) -> None:
    (fault,) = faults_of(files_config("builder: keras.layers.Identity"))

    assert fault.startswith(
        "model: `keras.layers.Identity`, called with activations and numbers: "
    )


def test_bottom_units_that_do_not_fit_the_features_are_a_fault(
    files_config: Callable[..., Path],
) -> None:
    (fault,) = faults_of(files_config("options: {bottom_units: [16, 4]}"))

    assert "last of `bottom_units` is 4, the dim of" in fault


def test_path_of_an_earlier_version_is_a_fault_that_names_the_new_one(
    small_config: Callable[..., Path],
) -> None:
    config = small_config(reader="components.movielens.MovieLens100K")
    text = config.read_text()
    config.write_text(
        text.replace("model:\n", "model:\n  builder: components.dlrm.DLRM\n")
    )

    assert faults_of(config) == [
        "data.reader: `components.movielens.MovieLens100K` is "
        "`shardline.components.readers.movielens.MovieLens100K` since version 0.1; "
        "write that",
        "model.builder: `components.dlrm.DLRM` is "
        "`shardline.components.model.dlrm.DLRM` since version 0.1; write that",
    ]


def test_fault_has_the_line_where_the_file_is_at_hand(
    small_config: Callable[..., Path],
) -> None:
    config = small_config(reader="shardline.components.readers.movielens.NoReader")
    lines = config.read_text().splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if "reader:" in text)

    with pytest.raises(ConfigError) as raised:
        preflight.check(load_run(config), config)

    assert str(raised.value).startswith(f"{config}:{line}: data.reader: `shardline.")


def test_cluster_of_an_environment_that_names_none_is_a_fault_with_its_line(
    small_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    config = small_config()
    config.write_text(config.read_text().replace("hosts: 2", "cluster: TF_CONFIG"))
    line = config.read_text().splitlines().index("  cluster: TF_CONFIG") + 1

    with pytest.raises(ConfigError) as raised:
        preflight.check_placement(load_run(config), config)

    (fault,) = raised.value.faults
    assert fault.line == line
    assert "training.cluster: TF_CONFIG is not set" in str(fault)


def test_tensorflow_without_a_part_for_tpus_is_told_with_its_line(
    small_config: Callable[..., Path],
) -> None:
    config = small_config()
    config.write_text(config.read_text().replace("hosts: 2", "tpu: local"))
    line = config.read_text().splitlines().index("  tpu: local") + 1

    with pytest.raises(ConfigError) as raised:
        preflight.check_placement(load_run(config), config)

    (fault,) = raised.value.faults
    assert fault.line == line
    assert "is installed here without support for TPUs" in str(fault)


def test_placement_that_needs_no_environment_passes(
    small_config: Callable[..., Path],
) -> None:
    config = small_config()
    preflight.check_placement(load_run(config), config)
    tasks = '{chief: "a:1", workers: ["b:1"]}'
    config.write_text(config.read_text().replace("hosts: 2", f"cluster: {tasks}"))

    preflight.check_placement(load_run(config), config)
