"""The feature step span by span: rows that stay, a graph that looks them up."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load

from shardline.components.contracts.living_state import VocabularyError
from shardline.components.contracts.living_vocabulary import load_vocabularies
from shardline.components.contracts.spans.plan import Base, PlannedSpan, SpanPlan
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.analysis.statistics import load_statistics
from shardline.components.features.job import preprocess
from shardline.components.features.living.counting import counting_of_plan
from shardline.components.features.living.diff import changes_between
from shardline.components.features.reading.sources import Examples, sources_below
from shardline.components.model.engine_config import table_rows
from shardline.components.readers.files import LostRowsError, settings_of
from shardline.configs.schema import Data, Feature, FeatureSet, Files, Living, Number
from shardline.configs.schema import Table as Embedding

oracle = load(Path(__file__).with_name("living") / "oracle.py")
shared = load(Path(__file__).with_name("conftest.py"))
FILES = Files(format="csv", splits={"train": "train-{SPAN}.csv", "eval": "eval.csv"})
USER = Living(capacity=6, evict_after=2)
FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "tags": Feature(table="tag", combiner="sum"),
    },
    numbers={"x": Number(scale="z_score")},
    tables={
        "user": Embedding(dim=1, oov_rows=2, living=USER),
        "tag": Embedding(dim=1, min_count=2),
    },
)
# Users of each span; `a` and `b` stay, others come and go.
USERS = {1: "aaabbcd", 2: "abbcef", 3: "abbeeegh", 4: "aabehi"}


def write(folder: Path, span: int) -> None:
    rows = [
        f"{n % 2},{user},t{n % (span + 2)}|t0,{span}.5"
        for n, user in enumerate(USERS[span])
    ]
    text = "\n".join(["label,user,tags,x", *rows]) + "\n"
    (folder / f"train-{span}.csv").write_text(text)


class Run(NamedTuple):
    """A run: its folder, its plan's state for the next one, and what it found."""

    folder: Path
    analysis: Any
    base: Base

    @property
    def living(self) -> Path:
        return self.folder / "living"

    @property
    def graph(self) -> tft.TFTransformOutput:
        return tft.TFTransformOutput(str(self.folder / "graph"))

    def lines(self, table: str) -> list[str]:
        return (self.living / table).read_text().splitlines()

    def rows(self, table: str) -> dict[str, int]:
        lines = enumerate(self.lines(table))
        return {token: row for row, token in lines if "free row" not in token}

    def transformed(self, split: str) -> list[dict[str, Any]]:
        files = sorted(map(str, (self.folder / "examples" / split).glob("*")))
        records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
        parsed = tf.io.parse_example(records, self.graph.transformed_feature_spec())
        users, tags = parsed["user"].numpy(), parsed["tags"].to_list()
        return [
            {"user": int(user), "tags": some}
            for user, some in zip(users, tags, strict=True)
        ]


def run_in(
    folder: Path,
    name: str,
    train: list[int],
    new: list[int],
    base: Run | None = None,
    features: FeatureSet = FEATURES,
) -> Run:
    """Runs the feature step on a window of spans, of which some are new."""
    data = Data(path=str(folder), files=FILES)
    (folder / "eval.csv").write_text("label,user,tags,x\n1,a,t1,1\n0,zz,t9,2\n")
    sources = [
        source
        for split, pattern in FILES.splits.items()
        for source in sources_below(str(folder), split, pattern)
        if split == "eval" or int(source.span) in train
    ]
    preprocessing = features.preprocessing(data.target).with_living()
    plan = SpanPlan(
        train=tuple(PlannedSpan(span=str(n), digest="d") for n in train),
        new=tuple(map(str, new)),
        base=base.base if base else None,
    )
    out = folder / name
    counting = counting_of_plan(plan, preprocessing)
    analysis, _ = preprocess(
        Examples(tuple(sources), settings_of(data, features)),
        preprocessing,
        beam_runner("direct", shared.ONE_THREAD),
        graph=str(out / "graph"),
        outputs={"tfrecord": {s: str(out / "examples" / s) for s in FILES.splits}},
        cache=str(folder / "cache"),
        counting=counting,
        living=str(out / "living"),
    )
    made = Base(
        checkpoint="", vocabularies=str(out / "living"), transform_graph="", steps=0,
        spans=(),
    )  # fmt: skip
    return Run(out, analysis, made)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Four runs, each with a new span and the one before it in its window."""
    folder = tmp_path_factory.mktemp("living")
    done: list[Run] = []
    for span in USERS:
        write(folder, span)
        window = [span - 1, span] if span > 1 else [span]
        done.append(
            run_in(folder, f"run-{span}", window, [span], done[-1] if done else None)
        )
    return done


def test_vocabularies_are_those_of_dictionaries(runs: list[Run]) -> None:
    users = oracle.Oracle(1, USER)
    tags = oracle.Oracle(2, Living())
    for run, span in zip(runs, USERS, strict=True):
        users.update([dict(Counter(u.encode() for u in USERS[span]))])
        found = [f"t{n % (span + 2)}" for n in range(len(USERS[span]))]
        found += ["t0"] * len(USERS[span])
        tags.update([dict(Counter(t.encode() for t in found))])

        assert run.rows("user") == {t.decode(): r for t, r in users.rows.items()}
        assert run.rows("tag") == {t.decode(): r for t, r in tags.rows.items()}
        assert len(run.lines("user")) == users.capacity == 6
        assert len(run.lines("tag")) == tags.capacity == 1000


def test_token_that_stays_keeps_its_row(runs: list[Run]) -> None:
    for before, run in itertools.pairwise(runs):
        difference = changes_between(str(before.living), str(run.living))["user"]
        changes = load_vocabularies(str(run.living)).tables["user"]
        assert difference.moved == changes.moved == 0
        assert difference.kept == changes.kept
        assert difference.admitted.num_rows == changes.admitted
        assert difference.evicted.num_rows == changes.evicted
    told = [load_vocabularies(str(run.living)).tables["user"] for run in runs]
    assert [(c.admitted, c.evicted, c.kept) for c in told] == [
        (4, 0, 0),
        (2, 0, 4),
        (1, 1, 5),
        (2, 2, 4),
    ]


def test_graph_looks_tokens_up_in_their_rows(runs: list[Run]) -> None:
    for run, span in zip(runs, USERS, strict=True):
        rows, asset = run.rows("user"), run.graph.vocabulary_file_by_name("user")
        assert Path(asset).read_text().splitlines() == run.lines("user")
        window = [u for s in (span - 1, span) if s in USERS for u in USERS[s]]
        expected = Counter(rows.get(user, -1) for user in window)
        found = Counter(e["user"] for e in run.transformed("train"))
        unknown = sum(found.pop(row, 0) for row in (6, 7))
        assert unknown == expected.pop(-1, 0)
        assert found == expected
        known, other = run.transformed("eval")
        assert known["user"] == rows["a"]
        assert other["user"] in (6, 7)
        assert other["tags"] == [1000]


def test_model_has_rows_for_the_capacity_and_unknown_tokens(runs: list[Run]) -> None:
    for run in runs:
        assert table_rows(FEATURES, run.graph) == {"user": 8, "tag": 1001}


def test_only_new_spans_are_counted_into_vocabularies(runs: list[Run]) -> None:
    for run, span in zip(runs, USERS, strict=True):
        statistics = run.analysis.statistics
        values = len(USERS[span])
        assert run.analysis.values == {"user": values, "tag": 2 * values}
        assert statistics.vocabularies["user"].tokens == values
        assert statistics.vocabularies["user"].size == 6
        window = [s for s in (span - 1, span) if s in USERS]
        assert statistics.examples == sum(len(USERS[s]) for s in window)
        mean = sum((s + 0.5) * len(USERS[s]) for s in window) / statistics.examples
        assert statistics.numbers["x"].mean == pytest.approx(mean)
        assert run.analysis.reused == ((str(span - 1),) if span > 1 else ())


def test_artifact_says_where_it_comes_from(runs: list[Run]) -> None:
    said = [load_vocabularies(str(run.living)) for run in runs]

    assert [one.updates for one in said] == [1, 2, 3, 4]
    assert said[-1].spans == ("1", "2", "3", "4")
    assert [one.parent for one in said] == [None, *(one.digest for one in said[:-1])]
    assert set(said[-1].tables) == {"user", "tag"}
    assert runs[-1].analysis.statistics.living == said[-1].tables


def test_graph_is_written_with_what_became_of_its_vocabularies(
    runs: list[Run],
) -> None:
    for run in runs:
        assert load_statistics(str(run.folder / "graph")) == run.analysis.statistics
    assert load_statistics(str(runs[0].folder)) is None


def test_same_run_again_gives_the_same_vocabularies(
    runs: list[Run], tmp_path: Path
) -> None:
    folder = runs[0].folder.parent
    again = run_in(folder, "again", [2, 3], [3], runs[1])

    said = load_vocabularies(str(runs[2].living))
    assert load_vocabularies(str(again.living)) == said


def test_several_new_spans_are_counted_one_after_the_other(
    runs: list[Run], tmp_path: Path
) -> None:
    folder = runs[0].folder.parent
    at_once = run_in(folder, "at-once", [1, 2, 3], [1, 2, 3])

    users = oracle.Oracle(1, USER)
    spans = [Counter(u.encode() for u in USERS[n]) for n in (1, 2, 3)]
    users.update([dict(span) for span in spans])
    assert at_once.rows("user") == {t.decode(): r for t, r in users.rows.items()}


def test_span_that_is_not_there_is_told(runs: list[Run]) -> None:
    folder = runs[0].folder.parent
    write(folder, 1)

    with pytest.raises(LostRowsError, match=r"Span 7 is to be counted .* hold 1"):
        run_in(folder, "missing", [1, 7], [1, 7])


def test_vocabularies_that_are_damaged_are_told(runs: list[Run]) -> None:
    folder = runs[0].folder.parent
    run = run_in(folder, "damaged", [1], [1])
    path = run.living / "user.tokens.parquet"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(VocabularyError, match="parquet is damaged"):
        run_in(folder, "after", [2], [2], run)
