"""How a training is saved, told to the Trainer past the key of the cache.

TFX runs a component again when one of its parameters changes. How often a training is
saved changes nothing of what it learns, so locally it is no parameter: whoever starts a
run writes the settings beside the Trainer's outputs. On a platform each run has folders
of its own, and the settings are a parameter.
"""

from pathlib import Path

from shardline.configs.locations import is_remote
from shardline.configs.schema import Checkpoint
from shardline.embedding.checkpoint.sets.durable import make_folder, replace_file

_FILE = "settings.json"


def sets_folder(checkpoint_uri: str) -> Path:
    """Returns where the Trainer keeps all its checkpoint sets.

    Args:
        checkpoint_uri: of its output, a local folder `<Trainer>/checkpoint/<number>`.
    """
    return Path(checkpoint_uri).parents[1] / "sets"


def write_set_settings(pipeline_root: Path, settings: Checkpoint) -> None:
    """Leaves the settings for the Trainer of a local run.

    Args:
        pipeline_root: where the artifacts of the run go.
        settings: when and how it is saved.
    """
    folder = sets_folder(str(pipeline_root / "Trainer" / "checkpoint" / "0"))
    make_folder(folder)
    replace_file(folder / _FILE, settings.model_dump_json().encode())


def read_set_settings(parameter: str, checkpoint_uri: str) -> Checkpoint:
    """Returns the settings that a training was given; the default ones if none.

    Args:
        parameter: the component's, JSON; "": they are beside its outputs.
        checkpoint_uri: of its output.
    """
    if parameter:
        return Checkpoint.model_validate_json(parameter)
    if is_remote(checkpoint_uri):
        return Checkpoint()
    file = sets_folder(checkpoint_uri) / _FILE
    if not file.exists():
        return Checkpoint()
    return Checkpoint.model_validate_json(file.read_text())
