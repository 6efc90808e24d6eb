"""Asks the published MovieLens model what a user may like next.

The model is loaded as any client would, from its folder and with TensorFlow only; the
requests are examples of the user's state after the last rating.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from configs import load_run
from pipeline import datasets
from pipeline.layout import Layout
from pipeline.native_output import stderr_held_back
from pipeline.serve_check import ServeCheckError, published_model


def movie_scores(
    model_folder: Path, archive: Path, user: str, history_length: int
) -> dict[str, float]:
    """Scores every movie that a user has not rated.

    Args:
        model_folder: the published SavedModel.
        archive: the MovieLens archive.
        user: the user's id.
        history_length: the length the model was trained with.

    Returns:
        By title, the probability of 4 stars or more.
    """
    import tensorflow as tf

    from components.movielens import candidate_examples, movie_titles

    candidates = candidate_examples(str(archive), user, history_length)
    titles = movie_titles(str(archive))
    model = tf.saved_model.load(str(model_folder))
    requests = tf.constant([e.SerializeToString() for e in candidates.values()])
    scores = model.signatures["serving_default"](examples=requests)["scores"].numpy()
    movies = (titles[movie] for movie in candidates)
    return dict(zip(movies, scores.tolist(), strict=True))


def best_first(scores: dict[str, float], user: str, count: int) -> Table:
    """Returns the best movies of a user as a table."""
    table = Table(
        title=f"What user {user} may like, of {len(scores)} movies not yet rated",
        title_justify="left",
    )
    table.add_column("", justify="right")
    table.add_column("Movie")
    table.add_column("P(4 stars or more)", justify="right")
    best = sorted(scores, key=lambda movie: -scores[movie])[:count]
    for rank, movie in enumerate(best, start=1):
        table.add_row(str(rank), movie, f"{scores[movie]:.3f}")
    return table


def main() -> int:
    """Prints the table, and returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--output-dir", required=True, type=Path)
    parser.add_argument("--user", required=True)
    arguments = parser.parse_args()
    run = load_run(arguments.config)
    layout = Layout(arguments.output_dir.resolve())
    console = Console()
    try:
        model = published_model(layout.serving)
        console.print(f"Asking {model}", soft_wrap=True, markup=False)
        archive = datasets.local_path(run.data, layout.data)
        history_length = run.data.options.get("history_length", 50)
        with stderr_held_back():
            scores = movie_scores(model, archive, arguments.user, history_length)
        console.print(best_first(scores, arguments.user, count=10))
    except (ServeCheckError, datasets.DatasetError, ValueError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
