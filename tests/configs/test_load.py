"""YAML to a run: every kind of fault with its line, and all of them at once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from shardline import configs
from shardline.configs import ConfigError, Run, load_job, load_run

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
DOWNLOAD = "download: {{requirement: {}, sha256: {}}}"
DIGEST = "0a" * 32

# Text to replace, its replacement, and the line and the message of the one fault.
FAULTS = {
    # Unknown keys, at every level.
    "unknown_section": (
        "evaluation:",
        "evalution: {}\nevaluation:",
        "14: unknown key `evalution`; did you mean `evaluation`?",
    ),
    "unknown_data_key": (
        "  path:",
        "  lable: label\n  path:",
        "4: unknown key `lable`; did you mean `label`?",
    ),
    "unknown_download_key": (
        "path: ratings.zip",
        "download: {requirement: a==1, sha256: " + DIGEST + ", sha: x}",
        "4: unknown key `sha`; did you mean `sha256`?",
    ),
    "unknown_feature_key": (
        "combiner: mean",
        "combinr: mean",
        "7: unknown key `combinr`; did you mean `combiner`?",
    ),
    "unknown_table_key": (
        "user: {dim: 4,",
        "user: {dim: 4, oov_row: 2,",
        "9: unknown key `oov_row`; did you mean `oov_rows`?",
    ),
    "unknown_optimizer": (
        "{sgd: {}}",
        "{sgd: {}, adamm: {}}",
        "9: unknown key `adamm`; did you mean `adam`?",
    ),
    "unknown_optimizer_key": (
        "learning_rate: 0.5",
        "learning_rte: 0.5",
        "10: unknown key `learning_rte`; did you mean `learning_rate`?",
    ),
    "unknown_training_key": (
        "  epochs: 1",
        "  epochs: 1\n  epoch: 1",
        "14: unknown key `epoch`; did you mean `epochs`?",
    ),
    "unknown_early_stop_key": (
        "  epochs: 1",
        "  epochs: 1\n  early_stop:\n    every_steps: 5\n    patiense: 2",
        "16: unknown key `patiense`; did you mean `patience`?",
    ),
    "unknown_key_like_none": (
        "  min_auc: 0.5",
        "  min_auc: 0.5\n  zzz: 1",
        "16: unknown key `zzz`; known keys: bootstrap, group_by, held_out, min_auc, "
        "on, regression, slices, when_refused.",
    ),
    # Missing keys.
    "no_section": (
        "evaluation:\n  min_auc: 0.5\n",
        "",
        "1: `evaluation` is missing.",
    ),
    "no_key": ("  batch_size: 8\n", "", "11: `training.batch_size` is missing."),
    "no_nested_key": (
        "dim: 4, optimizer: {sgd",
        "optimizer: {sgd",
        "9: `tables.user.dim` is missing.",
    ),
    # Wrong types.
    "text_for_number": (
        "batch_size: 8",
        "batch_size: many",
        "12: `training.batch_size`: Input should be a valid integer, unable to parse "
        "string as an integer, got 'many'.",
    ),
    "number_for_section": (
        "  min_auc: 0.5",
        "  0.5",
        "14: `evaluation`: Input should be a section with keys of its own (bootstrap, "
        "group_by, held_out, min_auc, on, regression, slices, when_refused), got 0.5.",
    ),
    "empty_section": (
        "  min_auc: 0.5\n",
        "",
        "14: `evaluation`: Input should be a section with keys of its own (bootstrap, "
        "group_by, held_out, min_auc, on, regression, slices, when_refused), got "
        "nothing.",
    ),
    "list_for_mapping": (
        "  user_id: {table: user}\n  genres: {table: genre, combiner: mean}",
        "  - user_id",
        "5: `features`: Input should be a valid dictionary, got ['user_id'].",
    ),
    # Out of range.
    "zero": (
        "batch_size: 8",
        "batch_size: 0",
        "12: `training.batch_size`: Input should be greater than 0, got 0.",
    ),
    "fraction": (
        "min_auc: 0.5",
        "min_auc: 1.5",
        "15: `evaluation.min_auc`: Input should be less than or equal to 1, got 1.5.",
    ),
    "warmup_requests": (
        "evaluation:",
        "serving:\n  warmup_requests: 1001\nevaluation:",
        "15: `serving.warmup_requests`: Input should be less than or equal to 1000, "
        "got 1001.",
    ),
    "combiner": (
        "combiner: mean",
        "combiner: max",
        "7: `features.genres.combiner`: Input should be 'sum', 'mean' or 'sqrtn', "
        "got 'max'.",
    ),
    "import_path": ("some.module.Reader", "Reader", "3: `data.reader`: "),
    "feature_name": ("  user_id: {", "  User-Id: {", "6: `features.User-Id"),
    "inexact_requirement": (
        "path: ratings.zip",
        DOWNLOAD.format("a>=1", DIGEST),
        "4: `data.download.requirement`: ",
    ),
    "short_digest": (
        "path: ratings.zip",
        DOWNLOAD.format("a==1", "abc"),
        "4: `data.download.sha256`: ",
    ),
    # Exactly one of several.
    "two_sources": (
        "path: ratings.zip",
        "path: ratings.zip\n  " + DOWNLOAD.format("a==1", DIGEST),
        "2: `data`: give exactly one of `path` and `download`.",
    ),
    "no_source": (
        "  path: ratings.zip\n",
        "",
        "2: `data`: give exactly one of `path` and `download`.",
    ),
    "two_optimizers": (
        "{sgd: {}}",
        "{sgd: {}, adam: {}}",
        "9: `tables.user.optimizer`: give exactly one of `sgd`, `adagrad` and `adam`.",
    ),
    "no_optimizer": (
        "{sgd: {}}",
        "{}",
        "9: `tables.user.optimizer`: give exactly one of `sgd`, `adagrad` and `adam`.",
    ),
    "two_lengths": (
        "epochs: 1",
        "epochs: 1\n  steps: 5",
        "11: `training`: give exactly one of `epochs` and `steps`.",
    ),
    "no_length": (
        "  epochs: 1\n",
        "",
        "11: `training`: give exactly one of `epochs` and `steps`.",
    ),
    # Keys that do not go together.
    "pooled_sequence": (
        "combiner: mean",
        "combiner: mean, max_sequence_length: 3",
        "7: `features.genres`: a sequence is not pooled: give `combiner` or "
        "`max_sequence_length`.",
    ),
    "weights_of_one_id": (
        "{table: user}",
        "{table: user, weights: w}",
        "6: `features.user_id`: `weights` need a `combiner` to weight for.",
    ),
    # Features and tables that do not fit.
    "unknown_table": (
        "tables:",
        "  city: {table: cities}\ntables:",
        "8: feature `city`: table `cities` is not among the tables (genre, user).",
    ),
    "unused_table": (
        "tables:",
        "tables:\n  city: {dim: 4, optimizer: {sgd: {}}}",
        "9: table `city` has no feature; remove it or name it in a feature.",
    ),
    "two_combiners": (
        "tables:",
        "  past: {table: genre, combiner: sum}\ntables:",
        "11: table `genre`: its features ask for mean and sum; a table has one "
        "combiner, use two tables.",
    ),
    "no_features": (
        "  user_id: {table: user}\n  genres: {table: genre, combiner: mean}",
        "  {}",
        "5: `features` is empty; name at least one feature.",
    ),
    # Not a mapping of sections, or no YAML at all.
    "text": (
        TEXT,
        "just words\n",
        "1: must be a mapping of sections, such as `data:`.",
    ),
    "list": (TEXT, "- name: a\n", "1: must be a mapping of sections, such as `data:`."),
    "empty": (TEXT, "", "1: must be a mapping of sections, such as `data:`."),
    "open_bracket": ("{table: user}", "{table: user", "7: not YAML: "),
    "tab": ("  batch_size: 8", "\tbatch_size: 8", "12: not YAML: "),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    write: Callable[[str], Path], old: str, new: str, message: str
) -> None:
    assert TEXT.count(old) >= 1
    path = write(TEXT.replace(old, new, 1))

    with pytest.raises(ConfigError) as raised:
        load_run(path)

    faults = str(raised.value).splitlines()
    assert len(faults) == 1, faults
    assert faults[0].startswith(f"{path}:{message}")
    if message.endswith((".", "?")):
        assert faults[0] == f"{path}:{message}"


def test_tables_without_features_name_each_table(write: Callable[[str], Path]) -> None:
    text = TEXT.replace("{table: user}", "{table: city}")

    with pytest.raises(ConfigError) as raised:
        load_run(write(text))

    lines = [fault.split(":", 2)[1:] for fault in str(raised.value).splitlines()]
    assert lines == [
        [
            "6",
            " feature `user_id`: table `city` is not among the tables (genre, user).",
        ],
        ["9", " table `user` has no feature; remove it or name it in a feature."],
    ]


def test_no_tables_says_that_there_are_none(write: Callable[[str], Path]) -> None:
    start, end = TEXT.index("  user: {dim"), TEXT.index("training:")
    text = TEXT[:start] + "  {}\n" + TEXT[end:]

    with pytest.raises(ConfigError) as raised:
        load_run(write(text))

    assert str(raised.value).count("is not among the tables (there are none).") == 2


def test_several_faults_come_all_at_once_in_the_order_of_the_file(
    write: Callable[[str], Path],
) -> None:
    text = (
        TEXT.replace("min_auc: 0.5", "min_auc: 2")
        .replace("table: user}", "table: user, colum: u}")
        .replace("  epochs: 1\n", "")
        .replace("reader:", "raeder:")
    )
    path = write(text)

    with pytest.raises(ConfigError) as raised:
        load_run(path)

    faults = [fault.removeprefix(f"{path}:") for fault in str(raised.value).split("\n")]
    assert sorted(faults) == sorted(
        [
            "3: unknown key `raeder`; did you mean `reader`?",
            "6: unknown key `colum`; did you mean `column`?",
            "11: `training`: give exactly one of `epochs` and `steps`.",
            "14: `evaluation.min_auc`: Input should be less than or equal to 1, got 2.",
        ]
    )
    lines = [int(fault.partition(":")[0]) for fault in faults]
    assert lines == sorted(lines)


def test_fault_between_sections_is_told_beside_a_fault_within_one(
    write: Callable[[str], Path],
) -> None:
    text = TEXT.replace("{table: user}", "{table: usr}").replace(
        "epochs: 1", "epochs: 0"
    )

    with pytest.raises(ConfigError) as raised:
        load_run(write(text))

    lines = [int(fault.split(":")[1]) for fault in str(raised.value).splitlines()]
    assert lines == [6, 9, 13]


def test_config_error_is_a_value_error() -> None:
    assert issubclass(ConfigError, ValueError)


def test_defaults_fill_what_is_not_said(write: Callable[[str], Path]) -> None:
    run = load_run(write(TEXT))

    assert run.model.builder == "shardline.components.model.dlrm.DLRM"
    assert run.data.label == "label"
    assert run.training.hosts == 1
    assert run.tables["user"].oov_rows == 1
    assert run.serving.parity_examples == 1000


def test_path_may_be_text(write: Callable[[str], Path]) -> None:
    assert load_run(str(write(TEXT))) == load_run(write(TEXT))


def test_read_run_cannot_be_changed(write: Callable[[str], Path]) -> None:
    run = load_run(write(TEXT))

    with pytest.raises(ValidationError, match="frozen"):
        run.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        run.training.hosts = 2
    with pytest.raises(ValidationError, match="frozen"):
        run.tables["user"].dim = 2


def test_configuration_that_need_not_train_has_no_fault(
    write: Callable[[str], Path], job_text: str
) -> None:
    job = load_job(write(job_text))

    assert job.training is None
    assert job.ids_of("pair").kind == "hash"


def test_fault_of_a_rule_has_the_line_of_its_key(write: Callable[[str], Path]) -> None:
    text = TEXT.replace("user_id: {table: user}", "user_id:\n    table: usr")

    with pytest.raises(ConfigError) as raised:
        load_run(write(text))

    (unknown, _) = raised.value.faults
    assert unknown.config_path == ("features", "user_id", "table")
    assert unknown.line == 7
    assert unknown.who == "feature `user_id`"


def test_error_has_its_faults_as_data(write: Callable[[str], Path]) -> None:
    path = write(TEXT.replace("batch_size: 8", "batch_size: many"))

    with pytest.raises(ConfigError) as raised:
        load_run(path)

    (fault,) = raised.value.faults
    assert fault.config_path == ("training", "batch_size")
    assert (fault.file, fault.line) == (str(path), 12)
    assert str(raised.value) == str(fault)


SHIPPED = sorted(Path(configs.__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configuration_loads(path: Path) -> None:
    run = load_run(path)

    assert isinstance(run, Run)
    assert run.features


def test_movielens_is_shipped() -> None:
    assert "movielens.yaml" in [path.name for path in SHIPPED]
