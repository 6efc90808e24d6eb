"""MovieLens-100K: from the archive of atomic files to examples for training."""

from components.movielens.archive import ArchiveError, movie_titles
from components.movielens.examples import candidate_examples
from components.movielens.reader import MovieLens100K

__all__ = [
    "ArchiveError",
    "MovieLens100K",
    "candidate_examples",
    "movie_titles",
]
