"""MovieLens examples against an independent recomputation, in splits by time.

The oracle here reads the archive with its own few lines and looks for each rating's
past by comparing it with every other rating: slow, plain and free of any order.
"""

import zipfile
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.movielens import (
    ArchiveError,
    MovieLens100K,
    candidate_examples,
    movie_titles,
)

shared = load(Path(__file__).with_name("small_archive.py"))
fixture = load(Path(__file__).parents[2] / "movielens_fixture.py")

HISTORY_LENGTH = 12
EVAL_FRACTION = 0.25


def plain(example: tf.train.Example) -> dict[str, tuple[str, list]]:
    """An example as {column: (dtype, values)}, its strings decoded."""
    columns = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        values = list(getattr(feature, kind).value)
        if kind == "bytes_list":
            values = [value.decode() for value in values]
        columns[name] = (kind, values)
    return columns


def one(columns: dict[str, tuple[str, list]], name: str) -> str | float | int:
    """The value of a column that holds exactly one."""
    (value,) = columns[name][1]
    return value


def read_splits(
    reader: MovieLens100K, archive: Path, out: Path
) -> dict[str, list[dict]]:
    """Runs the reader in Beam and returns each split's examples, as written."""
    with in_memory_pipeline() as root:
        for split, examples in reader.examples(root, str(archive)).items():
            examples | f"Write_{split}" >> beam.io.WriteToTFRecord(
                str(out / split),
                coder=beam.coders.ProtoCoder(tf.train.Example),
                num_shards=1,
            )
    return {
        split: [
            plain(tf.train.Example.FromString(record.numpy()))
            for record in tf.data.TFRecordDataset(str(out / f"{split}-00000-of-00001"))
        ]
        for split in ("train", "eval")
    }


def rows_of(archive: Path, member: str) -> list[list[str]]:
    """The rows of a member, header left out."""
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(f"{shared.FOLDER}{member}").decode()
    return [line.split("\t") for line in text.splitlines()[1:]]


def expected_examples(archive: Path) -> dict[tuple[str, str], dict]:
    """Every example by (user, movie), each from a look at all ratings."""
    users = {row[0]: row for row in rows_of(archive, "ml-100k.user")}
    movies = {row[0]: row for row in rows_of(archive, "ml-100k.item")}
    ratings = rows_of(archive, "ml-100k.inter")
    expected = {}
    for user, movie, stars, time in ratings:
        past = sorted(
            (int(other_time), other_movie, int(other_stars))
            for other_user, other_movie, other_stars, other_time in ratings
            if other_user == user and int(other_time) < int(time)
        )
        genres = Counter(kind for p in past for kind in movies[p[1]][3].split(" "))
        _, age, gender, occupation, zip_code = users[user]
        year = movies[movie][2]
        liked = [p[1] for p in past if p[2] in (4, 5)]
        newest = [p[2] in (4, 5) for p in past][-HISTORY_LENGTH:]
        liked_genres = Counter(kind for m in liked for kind in movies[m][3].split(" "))
        expected[user, movie] = {
            "label": ("float_list", [1.0 if stars in "45" else 0.0]),
            "timestamp": ("int64_list", [int(time)]),
            "user_id": ("bytes_list", [user]),
            "movie_id": ("bytes_list", [movie]),
            "age_band": ("bytes_list", [age_band(int(age))]),
            "gender": ("bytes_list", [gender]),
            "occupation": ("bytes_list", [occupation]),
            "zip_prefix": ("bytes_list", [zip_code[:3]]),
            "decade": (
                "bytes_list",
                [year[:3] + "0s" if year[0] == "1" else "unknown"],
            ),
            "genres": ("bytes_list", movies[movie][3].split(" ")),
            "history": ("bytes_list", [p[1] for p in past][-HISTORY_LENGTH:]),
            "liked": ("bytes_list", liked[-HISTORY_LENGTH:]),
            "past_genres": ("bytes_list", sorted(genres)),
            "past_genre_counts": ("float_list", [genres[k] for k in sorted(genres)]),
            "liked_genres": ("bytes_list", sorted(liked_genres)),
            "liked_genre_counts": (
                "float_list",
                [liked_genres[k] for k in sorted(liked_genres)],
            ),
            "past_verdicts": ("bytes_list", ["liked", "other"]),
            "past_verdict_counts": (
                "float_list",
                [1 + sum(newest), 1 + len(newest) - sum(newest)],
            ),
        }
    return expected


def age_band(age: int) -> str:
    """The band as a table of its first years."""
    starts = [0, 18, 25, 35, 45, 55]
    ends = ["-17", "-24", "-34", "-44", "-54", "+"]
    place = sum(age >= start for start in starts) - 1
    return f"{starts[place]}{ends[place]}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic archive."""
    path = tmp_path_factory.mktemp("movielens") / "data.zip"
    fixture.write_movielens_zip(path)
    return path


@pytest.fixture(scope="module")
def splits(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The splits of the synthetic archive; Beam runs once for all tests."""
    reader = MovieLens100K(eval_fraction=EVAL_FRACTION, history_length=HISTORY_LENGTH)
    return read_splits(reader, archive, tmp_path_factory.mktemp("splits"))


def run(archive: Path, **options: object) -> None:
    """Runs the reader and throws its examples away."""
    with in_memory_pipeline() as root:
        MovieLens100K(**options).examples(root, str(archive))


def test_every_example_equals_recomputation(splits: dict, archive: Path) -> None:
    expected = expected_examples(archive)
    found = {
        (one(example, "user_id"), one(example, "movie_id")): example
        for example in splits["train"] + splits["eval"]
    }
    assert len(splits["train"]) + len(splits["eval"]) == len(expected) == 60 * 40
    assert found == expected


def test_examples_hold_the_declared_columns(splits: dict) -> None:
    kinds = {"string": "bytes_list", "float": "float_list", "int64": "int64_list"}
    for example in splits["train"] + splits["eval"]:
        assert set(example) == set(MovieLens100K.columns)
        for name, column in MovieLens100K.columns.items():
            kind, values = example[name]
            assert kind == kinds[column.dtype]
            assert column.ragged or len(values) == 1


def test_history_is_strictly_older_than_its_example(
    splits: dict, archive: Path
) -> None:
    rated_at = {
        (user, movie): int(time)
        for user, movie, _, time in rows_of(archive, "ml-100k.inter")
    }
    seen = 0
    for example in splits["train"] + splits["eval"]:
        for movie in example["history"][1] + example["liked"][1]:
            seen += 1
            assert rated_at[one(example, "user_id"), movie] < one(example, "timestamp")
    assert seen > 10_000, "the archive has too little history to prove anything"


def test_fixture_has_ratings_of_one_user_in_one_second(archive: Path) -> None:
    times = Counter((row[0], row[3]) for row in rows_of(archive, "ml-100k.inter"))
    assert sum(count > 1 for count in times.values()) > 100


def test_every_eval_example_is_newer_than_every_train_example(splits: dict) -> None:
    newest_train = max(one(example, "timestamp") for example in splits["train"])
    oldest_eval = min(one(example, "timestamp") for example in splits["eval"])
    assert newest_train < oldest_eval
    assert len(splits["eval"]) / 2400 == pytest.approx(EVAL_FRACTION, abs=0.01)


def test_most_eval_examples_are_of_users_that_train_lacks(splits: dict) -> None:
    known = {one(example, "user_id") for example in splits["train"]}
    new = [one(example, "user_id") not in known for example in splits["eval"]]
    assert 0.5 < sum(new) / len(new) < 1.0


@pytest.mark.parametrize("split", ["train", "eval"])
def test_examples_of_one_user_are_parted(splits: dict, split: str) -> None:
    users = [one(example, "user_id") for example in splits[split]]
    beside = sum(a == b for a, b in pairwise(users))
    by_chance = sum((count / len(users)) ** 2 for count in Counter(users).values())
    assert beside / len(users) < 2 * by_chance


def test_ratings_at_the_boundary_second_all_go_to_eval(
    small: Callable[..., Path], tmp_path: Path
) -> None:
    header = shared.SMALL["ml-100k.inter"].splitlines()[0]
    times = {("u1", "m1"): 1, ("u1", "m2"): 2, ("u2", "m1"): 2, ("u2", "m2"): 2}
    lines = [f"{user}\t{movie}\t4\t{time}" for (user, movie), time in times.items()]
    path = small({"ml-100k.inter": "\n".join([header, *lines])})

    splits = read_splits(MovieLens100K(eval_fraction=0.25), path, tmp_path)

    assert [one(example, "timestamp") for example in splits["train"]] == [1]
    assert [one(example, "timestamp") for example in splits["eval"]] == [2, 2, 2]


def test_candidates_are_all_movies_the_user_has_not_rated(archive: Path) -> None:
    rated = {row[1] for row in rows_of(archive, "ml-100k.inter") if row[0] == "7"}
    everything = {row[0] for row in rows_of(archive, "ml-100k.item")}
    assert set(candidate_examples(str(archive), "7")) == everything - rated


def test_candidate_equals_the_example_of_a_later_rating(
    archive: Path, tmp_path: Path
) -> None:
    user = "7"
    candidates = candidate_examples(str(archive), user, HISTORY_LENGTH)
    movie, candidate = next(iter(candidates.items()))
    own_times = [
        int(row[3]) for row in rows_of(archive, "ml-100k.inter") if row[0] == user
    ]
    later = tmp_path / "later.zip"
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(later, "w") as after:
        for member in before.namelist():
            text = before.read(member).decode()
            if member.endswith(".inter"):
                text += f"{user}\t{movie}\t5\t{max(own_times) + 1}\n"
            after.writestr(member, text)

    expected = expected_examples(later)[user, movie]
    del expected["label"]
    assert plain(candidate) == expected


def test_candidates_of_unknown_user_name_users_that_exist(
    small: Callable[..., Path],
) -> None:
    with pytest.raises(ValueError, match=r"user 'u9' has rated nothing; 2 .* u1, u2"):
        candidate_examples(str(small()), "u9")


def test_titles_carry_the_year_where_it_is_known(small: Callable[..., Path]) -> None:
    assert movie_titles(str(small())) == {
        "m1": "Toy Story (1995)",
        "m2": "Land Before Time III (1995)",
        "m3": "Misérables, Les (1995)",
    }


def test_movie_without_genre_or_year_has_empty_and_unknown(
    small: Callable[..., Path],
) -> None:
    path = small(
        {"ml-100k.inter": shared.SMALL["ml-100k.inter"].replace("u1\tm2", "u1\tm3")}
    )
    example = plain(candidate_examples(str(path), "u1")["m2"])
    assert example["genres"] == ("bytes_list", [])
    assert one(example, "decade") == "unknown"


@pytest.mark.parametrize("value", [0.0, 1.0, -0.2, float("nan"), 1, "0.2"])
def test_eval_fraction_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(
        ValueError, match=r"eval_fraction is .*, expected a number above.*Set"
    ):
        MovieLens100K(eval_fraction=value)


@pytest.mark.parametrize("value", [0, -1, 2.5, "50"])
def test_history_length_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(
        ValueError, match=r"history_length is .*, expected a whole.*Set"
    ):
        MovieLens100K(history_length=value)


def test_bad_line_fails_the_beam_pipeline(small: Callable[..., Path]) -> None:
    text = shared.SMALL["ml-100k.inter"].replace("\t5\t", "\tfive\t")
    with pytest.raises(ArchiveError, match=r"ml-100k\.inter, line 4: rating 'five'"):
        run(small({"ml-100k.inter": text}))


@pytest.mark.parametrize(("split", "eval_fraction"), [("train", 0.99), ("eval", 0.01)])
def test_empty_split_fails_the_beam_pipeline(
    small: Callable[..., Path], split: str, eval_fraction: float
) -> None:
    message = (
        f"Split '{split}' is empty: 4 ratings were split by time with eval_fraction "
        f"{eval_fraction}, .*Change"
    )
    with pytest.raises(ValueError, match=message):
        run(small(), eval_fraction=eval_fraction)
