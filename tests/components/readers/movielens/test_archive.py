"""What is no MovieLens-100K is refused with its reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.readers.movielens import (
    ArchiveError,
    candidate_examples,
    movie_titles,
)

shared = load(Path(__file__).with_name("small_archive.py"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param(
            {"ml-100k.item": None},
            r"small\.zip: 0 members end in ml-100k/ml-100k\.item, expected 1\. Point",
            id="no member",
        ),
        pytest.param(
            {
                "ml-100k.user": shared.SMALL["ml-100k.user"].replace(
                    "age:token", "years:token"
                )
            },
            r"header of ml-100k/ml-100k\.user lacks age; it has user_id, years, .*Rest",
            id="no column",
        ),
        pytest.param(
            {
                "ml-100k.inter": shared.SMALL["ml-100k.inter"].replace(
                    "\t5\t", "\tfive\t"
                )
            },
            r"ml-100k\.inter, line 4: rating 'five' at timestamp '200' is not two",
            id="stars not a number",
        ),
        pytest.param(
            {"ml-100k.inter": shared.SMALL["ml-100k.inter"].replace("\t200", "\tinf")},
            r"ml-100k\.inter, line 4: rating '5' at timestamp 'inf' is not two",
            id="time not a number",
        ),
        pytest.param(
            {"ml-100k.inter": shared.SMALL["ml-100k.inter"].replace("\t300", "")},
            r"ml-100k\.inter, line 5 has 3 tab-separated fields, expected 4 .*m2.*Corr",
            id="short line",
        ),
        pytest.param(
            {"ml-100k.user": shared.SMALL["ml-100k.user"].replace("\t24\t", "\t?\t")},
            r"ml-100k\.user, line 2: age '\?' is not a whole number",
            id="age not a number",
        ),
        pytest.param(
            {"ml-100k.item": shared.SMALL["ml-100k.item"].encode("latin-1")},
            r"ml-100k\.item is not UTF-8 .*Convert",
            id="encoding",
        ),
    ],
)
def test_archive_not_in_the_format_is_refused(
    small: Callable[..., Path], changed: dict, message: str
) -> None:
    with pytest.raises(ArchiveError, match=message):
        candidate_examples(str(small(changed)), "u1")


@pytest.mark.parametrize(
    ("member", "row", "message"),
    [
        ("ml-100k.user", "u2\t55\tF\tother\tT8\n", "names user 'u2', but .*Add the us"),
        (
            "ml-100k.item",
            "m1\tToy Story\t1995\tAnimation Children's Comedy\n",
            "names movie 'm1', but .*Add the movie or",
        ),
    ],
)
def test_rating_of_unlisted_user_or_movie_is_refused(
    small: Callable[..., Path], member: str, row: str, message: str
) -> None:
    path = small({member: shared.SMALL[member].replace(row, "")})
    with pytest.raises(ArchiveError, match=message):
        candidate_examples(str(path), "u2")


def test_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ratings.tsv").write_text("user_id:token\n")
    with pytest.raises(ArchiveError, match=r"ratings\.tsv: not a readable zip .*Fetch"):
        movie_titles(str(tmp_path / "ratings.tsv"))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"none\.zip: there is no such file\. Fetch"):
        movie_titles(str(tmp_path / "none.zip"))
