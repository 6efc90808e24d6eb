"""MovieLens by spans: the same examples as of the whole, each in its span."""

import datetime
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import apache_beam as beam
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.files import reader_of
from shardline.components.readers.movielens import MovieLens100K
from shardline.components.readers.movielens.archive import Rating
from shardline.components.readers.movielens.spans import found_spans
from shardline.components.readers.span_reader import SpanReader
from shardline.configs.data import Data
from shardline.configs.features import Features
from shardline.configs.span_names import Every, read_span

fixture = load(Path(__file__).parents[2] / "movielens_fixture.py")
shared = load(Path(__file__).with_name("small_archive.py"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic archive, which spans some months."""
    path = tmp_path_factory.mktemp("movielens") / "data.zip"
    fixture.write_movielens_zip(path)
    return path


@contextmanager
def written(folder: Path) -> Iterator[Callable[[str, object], None]]:
    """Runs a pipeline that writes collections by name."""
    with in_memory_pipeline() as root:

        def write(name: str, examples: object) -> None:
            _ = (
                examples
                | f"Bytes[{name}]" >> beam.Map(canonical)
                | f"Write[{name}]"
                >> beam.io.WriteToTFRecord(str(folder / name), num_shards=1)
            )

        write.root = root
        yield write


def canonical(example: tf.train.Example | bytes) -> bytes:
    if isinstance(example, bytes):
        example = tf.train.Example.FromString(example)
    return example.SerializeToString(deterministic=True)


def records(folder: Path, name: str) -> list[bytes]:
    file = str(folder / f"{name}-00000-of-00001")
    return sorted(tf.data.TFRecordDataset(file).as_numpy_iterator())


def test_spans_hold_the_examples_of_the_whole(archive: Path, tmp_path: Path) -> None:
    reader = MovieLens100K(every="month", history_length=12)
    assert isinstance(reader, SpanReader)
    spans = reader.spans(str(archive))
    assert [span.span for span in spans] == [
        *("1997-09", "1997-10", "1997-11", "1997-12"),
        *("1998-01", "1998-02", "1998-03", "1998-04"),
    ]

    with written(tmp_path) as write:
        whole = reader.examples(write.root, str(archive))
        write("whole", (whole["train"], whole["eval"]) | beam.Flatten())
    with written(tmp_path) as write:
        some = reader.span_examples(write.root, str(archive), spans[1:3])
        for span, examples in some.items():
            write(span.span, examples)

    for span in spans[1:3]:
        period = read_span(span.span)
        assert period is not None
        assert records(tmp_path, span.span) == [
            record
            for record in records(tmp_path, "whole")
            if period.start
            <= tf.train.Example.FromString(record)
            .features.feature["timestamp"]
            .int64_list.value[0]
            < period.end
        ]
    assert records(tmp_path, spans[2].span)


@pytest.mark.parametrize("every", get_args(Every))
def test_every_rating_is_in_its_period(every: Every) -> None:
    times = range(880_000_000, 890_000_000, 777_777)
    ratings = [Rating("u", str(n), 5.0, time) for n, time in enumerate(times)]

    spans = found_spans(reversed(ratings), every)

    assert spans == found_spans(ratings, every)
    assert len({span.digest for span in spans}) == len(spans)
    counts = {span.span: int(span.digest.split("-")[0], 16) for span in spans}
    for name, count in counts.items():
        period = read_span(name)
        assert period is not None
        assert period.every == every
        assert count == sum(period.start <= time < period.end for time in times)
    assert sum(counts.values()) == len(ratings)


def test_digest_follows_the_span_s_own_ratings() -> None:
    day = 86_400
    ratings = [Rating("u", "m", 5.0, 0), Rating("u", "m", 5.0, day)]
    changed = [ratings[0], ratings[1]._replace(stars=4.0)]

    before, after = found_spans(ratings, "day"), found_spans(changed, "day")

    assert before[0] == after[0]
    assert before[1][:2] == after[1][:2]
    assert before[1].digest != after[1].digest


def test_a_span_that_has_changed_since_is_refused(small: Callable[..., Path]) -> None:
    reader = MovieLens100K(every="day")
    path = str(small())
    (span,) = reader.spans(path)
    assert span.span == datetime.date(1970, 1, 1).isoformat()

    with (
        pytest.raises(ValueError, match="1970-01-01 has changed since it was found"),
        in_memory_pipeline() as root,
    ):
        reader.span_examples(root, path, [span._replace(digest="other")])


def test_how_long_a_span_is_must_be_known(small: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match=r"every is None.*Give `data\.spans\.every`"):
        MovieLens100K().spans(str(small()))
    with pytest.raises(ValueError, match="every is 'year', expected one of hour, day"):
        MovieLens100K(every="year")


def test_configuration_tells_the_reader_how_long_a_span_is() -> None:
    data = Data(
        reader="a.Reader",
        options={"n": 1},
        path="x",
        label="label",
        spans={"every": "week", "column": "timestamp"},
    )
    features = Features(features={})

    assert reader_of(data, features) == ("a.Reader", {"every": "week", "n": 1})


def test_real_size_is_found_quickly(tmp_path: Path) -> None:
    """A hundred thousand ratings in well under the seconds that a plan may take."""
    lines = [
        f"u{n % 900}\tm{n % 1600}\t{n % 5 + 1}\t{880_000_000 + n * 180}"
        for n in range(100_000)
    ]
    header = shared.SMALL["ml-100k.inter"].splitlines()[0]
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{shared.FOLDER}ml-100k.inter", "\n".join([header, *lines, ""])
        )
    start = datetime.datetime.now()

    spans = MovieLens100K(every="month").spans(str(path))

    assert len(spans) == 8
    assert datetime.datetime.now() - start < datetime.timedelta(seconds=5)
