"""Names for the platforms that a pipeline runs on, made of the names of runs."""

import hashlib
import re

_PREFIX = "shardline-"
# Kubeflow makes Kubernetes objects of the name, and TFX refuses longer ones; Vertex
# takes 128 characters of the same kinds.
_MOST_CHARACTERS = 63
_DIGEST_CHARACTERS = 12
_LIKE_A_DIGEST = re.compile(rf"-[0-9a-f]{{{_DIGEST_CHARACTERS}}}$")


def pipeline_name(run_name: str) -> str:
    """Returns the name of a run's pipeline: lower case letters, digits and hyphens.

    Underscores become hyphens, of which a run's name has none. Where that is too long
    or ends with a hyphen, what is left of it is followed by a digest of the whole name.
    A name that happens to end like that has a digest, too, so that two runs never have
    one name.

    Args:
        run_name: as the configuration gives it.
    """
    name = _PREFIX + run_name.replace("_", "-")
    if (
        len(name) <= _MOST_CHARACTERS
        and not name.endswith("-")
        and not _LIKE_A_DIGEST.search(name)
    ):
        return name
    digest = hashlib.sha256(run_name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    kept = name[: _MOST_CHARACTERS - _DIGEST_CHARACTERS - 1].rstrip("-")
    return f"{kept}-{digest}"


def shows_run_name(run_name: str) -> bool:
    """Tells whether the name of the pipeline shows the run's as it is."""
    return pipeline_name(run_name) == _PREFIX + run_name
