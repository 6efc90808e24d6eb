"""`shardline checkpoint`, as one sees it on a terminal."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load
from typer.testing import Result

made_sets = load(
    Path(__file__).parents[2] / "embedding" / "checkpoint" / "sets" / "made_sets.py"
)


def text(result: Result) -> str:
    """Returns what was printed, its line breaks as single spaces."""
    return " ".join(result.output.split())


@pytest.fixture
def training(tmp_path: Path) -> Any:
    """Sets of the steps 10 (full), 20, 30 (differential) and 40 (full) of a run."""
    sets = tmp_path / "run" / "artifacts" / "Trainer" / "sets" / "f00d"
    made = made_sets.training(sets, item=9, user=5)
    made.save(10, pinned=True)
    made.touch(item=[1, 7])
    made.touch(item=[1, 8], user=[0])
    made.save(40, state={"examples_read": 2560, "auc": 0.75})
    return made


@pytest.fixture
def run(training, tmp_path: Path) -> Path:
    """The run folder of these sets."""
    return tmp_path / "run"


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 4
    path.write_bytes(content)


def test_sets_are_listed_in_a_table(invoke, run) -> None:
    result = invoke("checkpoint", "ls", run)

    assert result.exit_code == 0, result.output
    folder, *lines = result.output.splitlines()
    assert folder == str(run / "artifacts" / "Trainer" / "sets" / "f00d")
    rows = [line.split() for line in lines if "complete" in line]
    assert [row[:2] for row in rows] == [
        ["10", "full"],
        ["20", "differential"],
        ["30", "differential"],
        ["40", "full"],
    ]
    assert rows[0][-2:] == ["complete,", "pinned"]
    assert rows[1][2:4] == ["10", "2"]
    assert [row[5] for row in rows[1:3]] == ["2", "3"]


def test_listing_can_be_had_as_json(invoke, run, training) -> None:
    (listed,) = json.loads(invoke("checkpoint", "ls", run, "--json").output)

    assert (listed["fingerprint"], listed["held_by"]) == ("f00d", None)
    assert listed["folder"] == str(training.folder.path)
    assert [one["step"] for one in listed["sets"]] == [10, 20, 30, 40]
    assert listed["sets"][1]["parent"] == "step-000000000010-full"
    assert listed["sets"][0]["pinned"]


def test_table_fits_a_terminal_of_any_width(invoke, run) -> None:
    for columns in range(60, 120):
        shown = invoke("checkpoint", "ls", run, columns=columns).output

        lines = shown.splitlines()[1:]
        assert max(len(line) for line in lines) <= columns
        assert "…" not in shown
        assert "\\x" not in shown


def test_dead_saves_and_damage_are_listed(invoke, run, training) -> None:
    sets = training.folder.sets()
    (sets[3].path / "manifest.json").unlink()
    training.folder.mark_damaged(sets[2].name, "a bit \x1b[31mis wrong")

    result = invoke("checkpoint", "ls", run)

    assert "step-000000000040-full" in text(result)
    assert "remains" in text(result)
    assert f"{sets[2].name}: a bit \\x1b[31mis wrong" in text(result)
    assert "\x1b" not in result.output


def test_process_that_saves_is_named(invoke, run, training) -> None:
    lock = training.folder.lock()
    try:
        assert "saves to it" in text(invoke("checkpoint", "ls", run))
    finally:
        lock.release()


def test_whole_sets_pass_verification(invoke, run, training) -> None:
    result = invoke("checkpoint", "verify", run)

    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        one.name for one in training.folder.sets()
    ]
    assert all(": good, " in line for line in lines)


def test_damage_is_named_and_ends_with_an_error(invoke, run, training) -> None:
    middle = training.folder.sets()[1]
    flip_bit(middle.path / "tables.data-00001-of-00002")

    result = invoke("checkpoint", "verify", run)

    assert result.exit_code == 1
    assert f"{middle.name}: damaged" in text(result)
    assert "tables.data-00001-of-00002: stored rows" in text(result)
    assert f"it builds on {middle.name}, which is damaged" in text(result)
    assert len(training.folder.sets()) == 4


def test_damaged_sets_are_marked_if_asked_for(invoke, run, training) -> None:
    flip_bit(training.folder.sets()[1].path / "values.data-00000-of-00001")

    result = invoke("checkpoint", "verify", run, "--mark", "--json")

    verdicts = json.loads(result.output)
    assert result.exit_code == 1
    assert [one["marked"] for one in verdicts] == [False, True, True, False]
    assert [one.step for one in training.folder.sets()] == [10, 40]


def test_one_set_is_verified_with_its_chain(invoke, run, training) -> None:
    flip_bit(training.folder.sets()[3].path / "tables.data-00000-of-00002")

    result = invoke("checkpoint", "verify", run, "30")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 3


def test_set_is_shown_with_what_its_tables_hold(invoke, run, training) -> None:
    training.tables["user"]["parameters"][2, 1] = np.nan
    training.save(50, state={"examples_read": 3200})

    result = invoke("checkpoint", "inspect", run, "newest")

    assert result.exit_code == 0, result.output
    assert "full set of step 50" in text(result)
    assert "state.examples_read: 3200" in text(result)
    assert "lineage.configuration: " in text(result)
    (row,) = [line for line in result.output.splitlines() if "user/parameters" in line]
    rows, dim, stored, norm, *_, nans, infinities = row.split()[1:]
    expected = np.linalg.norm(np.nan_to_num(training.tables["user"]["parameters"]))
    assert (rows, dim, stored, nans, infinities) == ("5", "3", "5", "1", "0")
    assert float(norm) == pytest.approx(expected, rel=1e-3)


def test_set_can_be_had_as_json(invoke, run) -> None:
    result = invoke("checkpoint", "inspect", run, "30", "--json")

    shown = json.loads(result.output)
    assert shown["name"] == "step-000000000030-differential"
    assert [name.split("-")[1] for name in shown["chain"]] == [
        "000000000010",
        "000000000020",
        "000000000030",
    ]
    assert shown["manifest"]["tables"]["item"]["stored_rows"] == 2
    assert [one["table"] for one in shown["tensors"]] == ["item"] * 2 + ["user"] * 2


def test_difference_of_two_sets_is_shown(invoke, run) -> None:
    result = invoke("checkpoint", "diff", run, "10", "30")

    assert result.exit_code == 0, result.output
    lines = {
        line.split()[0]: line.split()
        for line in result.output.splitlines()[1:]
        if line.split()
    }
    assert lines["item/parameters"][1:3] == ["9", "3"]
    assert lines["user/accumulators"][1:3] == ["5", "1"]
    assert lines["step"][1:4] == ["1", "1", "20"]
    assert "state.examples_read: 640 -> 1920" in text(result)


def test_equal_sets_are_said_to_be_equal(invoke, run) -> None:
    result = invoke("checkpoint", "diff", run, "10", "step-000000000010-full")

    assert text(result).endswith("hold the same")


def test_set_that_lies_elsewhere_is_named_by_its_path(
    invoke, run, training, tmp_path
) -> None:
    output = tmp_path / "out"
    invoke("checkpoint", "export", run, "30", f"--output={output}")
    path = output / "step-000000000030-full"

    assert text(invoke("checkpoint", "diff", run, "30", path)).endswith("hold the same")
    shown = invoke("checkpoint", "inspect", run, path).output
    assert shown.splitlines()[0] == str(path)
    assert invoke("checkpoint", "verify", run, path).output.count("good") == 1
    missing = invoke("checkpoint", "diff", run, "30", output / "step-1")
    assert missing.exit_code == 1
    assert f"There is no checkpoint set 'step-1' in {output}" in text(missing)


def test_difference_can_be_had_as_json(invoke, run) -> None:
    found = json.loads(invoke("checkpoint", "diff", run, "10", "20", "--json").output)

    assert [name.split("-")[1] for name in found["sets"]] == [
        "000000000010",
        "000000000020",
    ]
    assert [one["name"] for one in found["tables"]] == [
        "item/parameters",
        "item/accumulators",
    ]
    assert [one["differing"] for one in found["tables"]] == [2, 2]
    assert found["said"] == {"state.examples_read": [640, 1280]}


def test_run_goes_back(invoke, run, training) -> None:
    result = invoke("checkpoint", "rewind", run, "--to", "20")

    assert result.exit_code == 0, result.output
    assert "The next run goes on from step-000000000020-differential" in text(result)
    assert [one.step for one in training.folder.sets()] == [10, 20]
    (away,) = training.folder.path.glob("rewound-*")
    assert f"step-000000000040-full was moved to {away}" in text(result)
    assert f"{away.name}: sets that a rewind put away" in text(
        invoke("checkpoint", "ls", run)
    )
    (listed,) = json.loads(invoke("checkpoint", "ls", run, "--json").output)
    assert listed["rewound"] == [away.name]


@pytest.mark.parametrize(("best", "is_told"), [(10, False), (15, True), (0, False)])
def test_best_step_of_early_stop_that_has_no_set_is_told(
    invoke, run, training, best, is_told
) -> None:
    training.save(50, state={"early_stop": {"best_step": best}})
    training.save(60)

    result = invoke("checkpoint", "rewind", run, "--to", "50")

    assert ("The best step so far, 15, has no set" in text(result)) == is_told


def test_later_sets_are_deleted_if_asked_for(invoke, run, training) -> None:
    result = invoke("checkpoint", "rewind", run, "--to=20", "--delete", "--json")

    assert json.loads(result.output)["kept_in"] is None
    assert list(training.folder.path.glob("rewound-*")) == []
    assert [one.step for one in training.folder.sets()] == [10, 20]


def test_run_that_saves_does_not_go_back(invoke, run, training) -> None:
    lock = training.folder.lock()
    try:
        result = invoke("checkpoint", "rewind", run, "--to", "20")
    finally:
        lock.release()

    assert result.exit_code == 1
    assert "are written by process" in text(result)
    assert len(training.folder.sets()) == 4


@pytest.mark.parametrize("command", ["inspect", "export", "verify", "diff"])
def test_set_that_is_not_there_is_an_error(invoke, run, command, tmp_path) -> None:
    more = {"export": [f"--output={tmp_path / 'out'}"], "diff": ["10"]}

    result = invoke("checkpoint", command, run, "77", *more.get(command, []))

    assert result.exit_code == 1
    assert "There is no checkpoint set '77'" in text(result)
    assert "step-000000000040-full" in text(result)


def test_step_that_is_not_there_is_an_error(invoke, run) -> None:
    result = invoke("checkpoint", "rewind", run, "--to", "77")

    assert result.exit_code == 1
    assert "There are sets of the steps 10, 20, 30, 40" in text(result)


def test_folder_of_sets_can_be_named_itself(invoke, training) -> None:
    result = invoke("checkpoint", "verify", training.folder.path)

    assert (result.exit_code, len(result.output.splitlines())) == (0, 4)


def test_set_is_exported_with_its_chain_folded_in(invoke, run, tmp_path) -> None:
    output = tmp_path / "out"

    result = invoke("checkpoint", "export", run, "30", f"--output={output}")

    name = "step-000000000030-full"
    assert result.exit_code == 0, result.output
    assert text(result).endswith(f"was written to {output / name}, rows as float32")
    assert "good" in text(invoke("checkpoint", "verify", output))
    (shown,) = json.loads(invoke("checkpoint", "ls", output, "--json").output)
    assert [(one["name"], one["depth"]) for one in shown["sets"]] == [(name, 0)]


def test_archive_says_how_its_rows_are_held(invoke, run, tmp_path) -> None:
    output = tmp_path / "out"

    result = invoke(
        "checkpoint", "export", run, "40", "--rows=int8", f"--output={output}", "--json"
    )

    assert json.loads(result.output) == {
        "set": "step-000000000040-full",
        "path": str(output / "step-000000000040-full"),
        "format": "set",
        "rows": "int8",
    }
    assert "full int8" in text(invoke("checkpoint", "ls", output))
    assert "rows as int8" in text(invoke("checkpoint", "inspect", output, "40"))


def test_tables_are_exported_for_tensorflow(invoke, run, training, tmp_path) -> None:
    more = ("--format=tensorflow", f"--output={tmp_path / 'out'}")

    result = invoke("checkpoint", "export", run, "newest", *more)

    assert result.exit_code == 0, result.output
    reader = tf.train.load_checkpoint(str(tmp_path / "out" / "checkpoint"))
    np.testing.assert_array_equal(
        reader.get_tensor("embedding/user/parameters/.ATTRIBUTES/VARIABLE_VALUE"),
        training.tables["user"]["parameters"],
    )
    rounded = invoke("checkpoint", "export", run, "newest", *more, "--rows=int8")
    assert rounded.exit_code == 1
    assert "holds rows as float32, not int8" in text(rounded)


def test_nothing_is_exported_into_the_folder_itself(invoke, run, training) -> None:
    output = f"--output={training.folder.path}"

    result = invoke("checkpoint", "export", run, "30", output)

    assert result.exit_code == 1
    assert "the folder of the training itself" in text(result)


def test_one_of_several_trainings_is_chosen(invoke, run, training) -> None:
    other = made_sets.training(training.folder.path.parent / "beef", item=4)
    other.save(7)

    assert "step-000000000007-full: good" in text(invoke("checkpoint", "verify", run))
    chosen = invoke("checkpoint", "verify", run, "--training", "f0")
    assert len(chosen.output.splitlines()) == 4
    shown = json.loads(invoke("checkpoint", "ls", run, "--json").output)
    assert [one["fingerprint"] for one in shown] == ["beef", "f00d"]
    missing = invoke("checkpoint", "ls", run, "--training", "x")
    assert missing.exit_code == 1
    assert "There are beef, f00d" in text(missing)


def test_run_without_sets_is_an_error(invoke, tmp_path, small_config) -> None:
    result = invoke("checkpoint", "ls", small_config(), f"--output-dir={tmp_path}")

    assert result.exit_code == 1
    assert "holds no checkpoint sets" in text(result)
