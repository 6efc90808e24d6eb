"""Asks the published MovieLens model what a user may like next.

The model is loaded as any client would, from its folder and with TensorFlow only; the
requests are examples of the user's state after the last rating.
"""

import argparse
import sys
from pathlib import Path

from rich.table import Table

from shardline.components.readers import datasets
from shardline.configs import load_run
from shardline.pipeline.commands.serve_check import ServeCheckError, published_model
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.terminal.escaping import EscapingConsole
from shardline.pipeline.terminal.native_output import stderr_held_back


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


def answers_of(model_folder: Path, requests: list[bytes]) -> list[float]:
    """Loads a SavedModel and returns its score of each request."""
    import tensorflow as tf

    serve = tf.saved_model.load(str(model_folder)).signatures["serving_default"]
    scores: list[float] = serve(examples=tf.constant(requests))["scores"].numpy()
    return scores


def best_first(titles: list[str], scores: list[float], count: int) -> Table:
    """Returns the best titles as a table, best first."""
    table = Table("", "Movie", "P(4 stars or more)")
    ranked = sorted(zip(scores, titles, strict=True), reverse=True)
    for rank, (score, title) in enumerate(ranked[:count], start=1):
        table.add_row(str(rank), title, f"{score:.3f}")
    return table


def main() -> int:
    """Prints the table, and returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--output-dir", required=True, type=Path)
    parser.add_argument("--user", required=True)
    arguments = parser.parse_args()
    run = load_run(arguments.config)
    run_folder = RunFolder(arguments.output_dir.resolve())
    console = EscapingConsole(markup=False, soft_wrap=True)
    user = arguments.user
    try:
        archive = datasets.local_path(run.data, run_folder.data)
        history_length = run.data.options.get("history_length", 50)
        console.print(f"What may user {user} like next?")
        with stderr_held_back():
            titles, requests = requests_of(archive, user, history_length)
        with published_model(run_folder.serving) as (version, folder):
            console.print(
                f"{len(titles)} movies not rated yet; asking version {version}"
            )
            with stderr_held_back():
                scores = answers_of(folder, requests)
        console.print(best_first(titles, scores, count=10))
    except (ServeCheckError, datasets.DatasetError, ValueError) as error:
        console.print(str(error), style="red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
