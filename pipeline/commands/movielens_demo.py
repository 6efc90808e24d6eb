"""Asks the published MovieLens model what a user may like next; `make demo` starts it.

The model is loaded as any client would, from its folder and with TensorFlow only; the
requests are examples of the user's state after the last rating.
"""

import argparse
import sys
from pathlib import Path

from rich.table import Table

from shardline.components.pusher.newest_model import newest_model
from shardline.components.pusher.publication import PublicationError
from shardline.components.readers import datasets
from shardline.configs import load_run
from shardline.pipeline.commands.console import console, print_line
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.terminal.native_output import stderr_held_back

_SHOWN_MOVIES = 10


def requests_of(
    archive: Path, user: str, history_length: int
) -> tuple[list[str], list[bytes]]:
    """Returns one request for each movie that a user has not rated.

    Args:
        archive: the MovieLens archive.
        user: the user's id.
        history_length: the length the model was trained with.

    Returns:
        Titles, and serialized tf.Examples without labels.
    """
    from shardline.components.readers.movielens import candidate_examples, movie_titles

    candidates = candidate_examples(str(archive), user, history_length)
    titles = movie_titles(str(archive))
    return (
        [titles[movie] for movie in candidates],
        [example.SerializeToString() for example in candidates.values()],
    )


def scores_of(model_folder: Path, requests: list[bytes]) -> list[float]:
    """Loads a SavedModel and returns its score of each request."""
    import tensorflow as tf

    serve = tf.saved_model.load(str(model_folder)).signatures["serving_default"]
    scores: list[float] = serve(examples=tf.constant(requests))["scores"].numpy()
    return scores


def best_first(titles: list[str], scores: list[float], count: int) -> Table:
    """Returns the titles with the highest scores as a table, the best first."""
    table = Table("", "Movie", "P(4 stars or more)")
    ranked = sorted(zip(scores, titles, strict=True), reverse=True)
    for rank, (score, title) in enumerate(ranked[:count], start=1):
        table.add_row(str(rank), title, f"{score:.3f}")
    return table


def main() -> int:
    """Prints the table, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Recommend movies to a user.")
    parser.add_argument("config", help="configuration of the run")
    parser.add_argument("--output-dir", required=True, type=Path, help="run folder")
    parser.add_argument("--user", required=True, help="id of a user, such as 42")
    arguments = parser.parse_args()
    run = load_run(arguments.config)
    run_folder = RunFolder(arguments.output_dir.resolve())
    user = arguments.user
    try:
        archive = datasets.local_path(run.data, run_folder.data)
        history_length = run.data.options.get("history_length", 50)
        print_line(f"What may user {user} like next?")
        with stderr_held_back():
            titles, requests = requests_of(archive, user, history_length)
        with newest_model(run_folder.serving) as (version, folder):
            print_line(f"{len(titles)} movies not rated yet; asking version {version}")
            with stderr_held_back():
                scores = scores_of(folder, requests)
        table = best_first(titles, scores, _SHOWN_MOVIES)
        console.print(table, markup=False, soft_wrap=True)
    except (PublicationError, datasets.DatasetError, ValueError) as error:
        print_line(str(error), "red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
