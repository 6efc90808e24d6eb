"""How a training is carried out, told to the Trainer past the key of the cache.

TFX runs a component again when one of its parameters changes. How often a training is
saved, and on which machines it runs, changes nothing of what it learns, so locally it
is no parameter: whoever starts a run leaves it beside the Trainer's outputs. On a
platform each run has folders of its own, and it is a parameter.
"""

from pathlib import Path

from shardline.configs.locations import is_remote
from shardline.configs.schema import Conduct, Training
from shardline.embedding.checkpoint.sets.durable import make_folder, replace_file

_FILE = "conduct.json"


def sets_folder(checkpoint_uri: str) -> Path:
    """Returns where the Trainer keeps all its checkpoint sets.

    Args:
        checkpoint_uri: of its output, a local folder `<Trainer>/checkpoint/<number>`.
    """
    return Path(checkpoint_uri).parents[1] / "sets"


def write_conduct(pipeline_root: Path, training: Training) -> None:
    """Leaves word for the Trainer of a local run.

    Args:
        pipeline_root: where the artifacts of the run go.
        training: when and how it is saved, and where it runs.
    """
    folder = sets_folder(str(pipeline_root / "Trainer" / "checkpoint" / "0"))
    make_folder(folder)
    replace_file(folder / _FILE, training.conduct.model_dump_json().encode())


def with_conduct(training: Training, parameter: str, checkpoint_uri: str) -> Training:
    """Returns a training with what is told past the key; the default if nothing is.

    Args:
        training: as the key of the cache has it.
        parameter: the component's, JSON; "": it is told beside its outputs.
        checkpoint_uri: of its output.
    """
    conduct = _conduct(parameter, checkpoint_uri)
    told = {key: getattr(conduct, key) for key in Conduct.model_fields}
    return training.model_copy(update=told)


def _conduct(parameter: str, checkpoint_uri: str) -> Conduct:
    if parameter:
        return Conduct.model_validate_json(parameter)
    if is_remote(checkpoint_uri):
        return Conduct()
    file = sets_folder(checkpoint_uri) / _FILE
    return Conduct.model_validate_json(file.read_text()) if file.exists() else Conduct()
