"""MovieLens-100K: from the archive of atomic files to examples for training."""

from shardline.components.readers.movielens.archive import ArchiveError, movie_titles
from shardline.components.readers.movielens.examples import candidate_examples
from shardline.components.readers.movielens.reader import MovieLens100K

__all__ = [
    "ArchiveError",
    "MovieLens100K",
    "candidate_examples",
    "movie_titles",
]
