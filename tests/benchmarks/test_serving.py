import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.engine.session import ProgramError
from benchmarks.serving import server, workload
from benchmarks.serving.__main__ import REPORT
from benchmarks.serving.callers import GrpcCaller, RestCaller
from benchmarks.serving.models import export, new_trainee, serialized, write_graph
from benchmarks.serving.programs.deltas import differing
from benchmarks.serving.programs.load import Client, Reply, met
from benchmarks.serving.requests import name_of, percentile_ratio, percentile_s
from benchmarks.serving.rival import export_keras
from benchmarks.serving.sections import SECTIONS
from benchmarks.serving.server import ModelServer
from benchmarks.serving.session import Outcome, table_of
from shardline.configs.schema import FeatureSet, Model

SCORES = [np.linspace(0, 1, 100, dtype=np.float32), np.zeros(100, np.float32)]


def test_examples_have_every_column_and_are_the_same_again():
    drawn = list(workload.rows(50, seed=3))
    assert drawn == list(workload.rows(50, seed=3))
    assert drawn != list(workload.rows(50, seed=4))
    assert {len(row["item"]) for row in drawn} == {1}
    lengths = [len(row["viewed"]) for row in drawn]
    assert 10 <= min(lengths) < max(lengths) <= 30
    assert all(0 <= i < workload.BIG_ROWS for row in drawn for i in row["viewed"])
    assert all(len(row["tags"]) == len(row["tag_scores"]) for row in drawn)


def test_examples_of_one_table_have_ids_of_its_range():
    drawn = list(workload.rows_of_one_table(20))
    ids = [i for row in drawn for i in row["item"] + row["seen"]]
    assert 0 <= min(ids)
    assert workload.MILLION // 2 < max(ids) < workload.MILLION


def test_a_percentile_is_that_of_each_round_and_the_median_of_them():
    # The machine was ten times as slow in the last round; the ratio does not see it.
    ours = [[k / 100 for k in range(101)]] * 2 + [[k / 10 for k in range(101)]]
    rival = [[2 * s for s in calls] for calls in ours]
    times = {"ours": ours, "rival": rival}
    assert percentile_s(times, "ours", 99) == pytest.approx(0.99)
    assert percentile_ratio(times, "rival", "ours", 90) == pytest.approx(2)


@pytest.fixture(scope="module")
def features():
    """A feature of each kind, in few rows."""
    ids = {"table": "item", "ids": {"range": 50}}
    return FeatureSet.model_validate(
        {
            "features": {
                "item": ids,
                "history": {**ids, "max_sequence_length": 3},
                "viewed": {**ids, "combiner": "mean"},
                "genres": {"table": "genre", "combiner": "mean"},
                "tags": {"table": "tag", "combiner": "sqrtn", "weights": "tag_scores"},
                "words": {
                    "table": "word",
                    "ids": {"hash_buckets": 30},
                    "combiner": "sum",
                },
            },
            "numbers": {"price": {"scale": "z_score"}},
            "tables": {
                name: {"dim": 4, "initial_stddev": 0.5}
                for name in ("item", "genre", "tag", "word")
            },
        }
    )


def rows(count):
    """Yields examples with bags of no, one and several ids, in turn."""
    for number, length in zip(range(count), itertools.cycle((0, 1, 5)), strict=False):
        places = [(7 * number + k) % 50 for k in range(length)]
        yield {
            "label": [float(number % 2)],
            "item": [number % 50],
            "history": places,
            "viewed": places,
            "genres": [f"genre {i % 3}" for i in places],
            "tags": [f"tag {i % 4}" for i in places],
            "tag_scores": [0.5 + i for i in range(length)],
            "words": [f"word {i}" for i in places],
            "price": [float(number)],
        }


def test_the_rival_answers_as_ours_does(features, tmp_path):
    transform = write_graph(tmp_path / "graph", features, workload.TARGET, rows(12))
    model = Model(options={"hidden_units": [8]})
    trainee = new_trainee(features, transform, model)
    trainee.save(tmp_path / "checkpoint")
    export(tmp_path / "ours", tmp_path / "checkpoint", transform, "float32")
    export_keras(
        tmp_path / "keras",
        features,
        transform,
        trainee.tables(),
        trainee.learner.model,
    )
    examples = tf.constant(serialized(rows(30)))
    ours, rival = (
        tf.saved_model.load(str(tmp_path / name)).signatures["serving_default"]
        for name in ("ours", "keras")
    )
    scores = ours(examples=examples)["scores"].numpy()
    assert len(set(scores.tolist())) == 30
    np.testing.assert_allclose(
        rival(examples=examples)["scores"], scores, rtol=0, atol=1e-6
    )


def test_files_that_differ_are_found_by_content(tmp_path):
    for folder, content in {"exported": "a", "made": "b"}.items():
        (tmp_path / folder / "assets.extra").mkdir(parents=True)
        (tmp_path / folder / "same").write_text("same")
        (tmp_path / folder / "data").write_text(content)
        (tmp_path / folder / f"only {folder}").write_text("")
    (tmp_path / "made/assets.extra/publication.json").write_text("{}")
    found = differing(tmp_path / "exported", tmp_path / "made")
    assert found == {"data", "only exported", "only made"}


class _Caller:
    """Stands in for a connection; a reply is scores and a version."""

    protocol = "gRPC"

    def body(self, examples):
        return b""

    def scores(self, reply):
        scores, version = json.loads(reply)
        return np.array(scores, np.float32), version


def client_with(*replies):
    client = Client(_Caller(), [b""] * 100, seconds=0)
    client.replies = [Reply(place, 0.01, body) for place, body in replies]
    return client


def reply(scores, version=0):
    return json.dumps([scores.tolist(), version]).encode()


@pytest.mark.parametrize(
    ("body", "errors", "said"),
    [
        (reply(SCORES[0][5:9], 100), 0, None),
        (reply(SCORES[1][5:9], 200), 0, None),
        (reply(SCORES[0][5:9], 200), 1, "gRPC: wrong scores, version 200"),
        (reply(SCORES[1][5:9]), 0, None),
        (reply(SCORES[0][:4]), 1, "gRPC: wrong scores, version 0"),
        (reply(SCORES[0][5:8], 100), 1, "gRPC: wrong scores, version 100"),
        (ConnectionResetError("gone"), 1, "gRPC: gone"),
    ],
)
def test_an_answer_must_be_that_of_its_version(body, errors, said):
    place = slice(5, 9)
    others = client_with(
        (place, reply(SCORES[0][place], 100)), (place, reply(SCORES[1][place], 200))
    )
    found = met([others, client_with((place, body))], SCORES)
    assert found["errors"] == errors
    assert found["first_errors"] == ([said] if said else [])
    assert found["versions"] == 2


def test_callers_read_the_scores_they_are_sent():
    body = json.dumps({"predictions": [0.25, 0.1]}).encode()
    scores, version = RestCaller(1).scores(body)
    np.testing.assert_array_equal(scores, np.array([0.25, 0.1], np.float32))
    assert version == 0
    rows_sent = json.loads(RestCaller(1).body([b"\xff\x00"]))["instances"]
    assert rows_sent == [{"b64": "/wA="}]
    assert b"examples" in GrpcCaller(1).body([b"\xff\x00"])


def test_a_server_that_does_not_start_is_told_with_its_output(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "_LOG", tmp_path / "logs" / "server.log")
    missing = ModelServer(tmp_path / "missing.yaml", "m")
    with (
        pytest.raises(ProgramError, match=r"(?s)did not say where.*missing\.yaml"),
        missing,
    ):
        pass
    assert missing.exit_code


def found_of_demo(errors):
    return {
        "budget": 0.0005,
        "precisions": {
            "increase": 0.0001 * (1 + 9 * errors),
            "variants": {
                "chosen": {
                    "table_bytes": 1000,
                    "normalized_entropy": 0.85,
                    "increase": 0.0001,
                }
            },
        },
        "validation": {
            "parity": {
                precision: {
                    "form": precision,
                    "examples": 90,
                    "refused": 10,
                    "largest_difference": difference,
                    "faults": ["off"] * errors,
                }
                for precision, difference in {"float32": errors, "int8": 0.1}.items()
            }
        },
    }


def found_of_deltas(errors):
    return [
        {
            "share": share,
            "kind": "delta",
            "full_bytes": 1000,
            "delta_bytes": 1000 * share + 5,
            "full_s": 1.0,
            "delta_s": 2.0,
            "agent_s": 3.0,
            "differing_files": errors,
        }
        for share in (0.01, 0.1, 0.5)
    ]


def outcome_of(*, slower=1.0, errors=0):
    """Returns an outcome of all sections in which every bar holds, or some do not."""
    names = (*workload.PRECISIONS, workload.RIVAL)
    times = {
        f"latency/{name}/{name_of(size)}": [
            [size * slower * (k + 1) / 1e4 for k in range(100)]
            if name == "float32"
            else [size * (k + 1) / 1e4 for k in range(100)]
        ]
        * 3
        for name in names
        for size in (1, 256)
    }
    counts = {"kills": 150, "broken": 0, "mixed": errors, "decreased": 0}
    memory = {"before_bytes": 1e9, "after_bytes": 2e9, "peak_bytes": 2e9}
    clients = {"C": 0.0, "gRPC": 0.0, "REST": 0.0}
    found = {
        "measured on": "Measured on a machine.",
        "latency": {
            "bytes": dict.fromkeys(names, 100) | {"int8": 27},
            "differences": dict.fromkeys(names, 1e-7),
        },
        "clients": {
            precision: {"largest": clients, "warm_up": 10, "answered": 10 - errors}
            for precision in workload.PRECISIONS
        },
        "load": {
            "errors": errors,
            "first_errors": ["gRPC: gone"] * errors,
            "versions": 2,
            "replies": {"gRPC": 100, "REST": 50},
            "percentiles": {
                protocol: {"50": 0.1, "90": 0.2, "99": 0.3}
                for protocol in ("gRPC", "REST")
            },
            "examples": 4000,
            "seconds": 60.0,
        },
        "hostile": {
            "sent": 1000,
            "kinds": {"grpc empty body": {"INVALID_ARGUMENT": 10}},
            "wrong": ["grpc empty body: OK"] * errors,
            "crashes": 0,
            "grown_bytes": 5e6,
        },
        "delta": found_of_deltas(errors),
        "kills": {how: {**counts, "left_over": 0} for how in ("random", "steps")},
        "large": {
            action: {"table_bytes": 6e9, "seconds": 10.0, **memory}
            for action in ("make", "export", "load")
        },
        "demo": found_of_demo(errors),
    }
    return Outcome(times, found, {})


def bars_of(outcome):
    return [bar for section in SECTIONS.values() for bar in section.bars(outcome)]


def missed(outcome):
    return [bar.name for bar in bars_of(outcome) if not bar.holds]


def test_every_bar_can_hold():
    assert missed(outcome_of()) == []


def test_a_slower_model_misses_the_six_bars_of_latency():
    names = missed(outcome_of(slower=1.05))
    assert len(names) == 6
    assert all("part of stock Keras's" in name for name in names)


def test_errors_of_any_section_are_missed_bars():
    assert missed(outcome_of(errors=1)) == [
        "warm-up records without an answer",
        "load, 60 s, 8 clients: errors",
        "hostile, 1,000 requests: not refused",
        "files of versions made from deltas that are not the export's",
        "kills: broken or mixed versions that a reader saw",
        "demo: largest difference of a float32 table's rows to training",
        "demo: lookups answered or refused otherwise than in training",
        "demo: normalized entropy that compact tables cost",
    ]


def test_an_outcome_is_read_as_it_was_written():
    outcome = outcome_of(errors=1)
    again = Outcome.from_json(outcome.as_json())
    assert bars_of(again) == bars_of(outcome)


def test_the_report_has_every_bar_and_every_section(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "build/bench").mkdir(parents=True)
    outcome = outcome_of(errors=1)
    numbers, page = REPORT.write(outcome, bars_of(outcome))
    listed = json.loads(numbers.read_text())
    assert len(listed) == len(bars_of(outcome))
    assert {key for bar in listed for key in bar} == {
        "bar",
        "value",
        "goal",
        "unit",
        "holds",
    }
    text = page.read_text()
    assert "| no |" in text
    assert "{" not in text
    assert all(section.table(outcome) in text for section in SECTIONS.values())


def test_a_table_has_a_line_for_each_row():
    assert table_of(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --: |\n| 1 | 2 |"
