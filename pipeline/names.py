"""The names of pipelines, made of the names of runs, as all platforms take them."""

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

    Underscores become hyphens, of which a run's name has none. A name that is too long
    then, or ends with a hyphen, is cut, and a digest of the whole name is appended. So
    it is to a name that happens to end like a digest: two runs never share a name.

    Args:
        run_name: from the configuration.
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
    """Tells whether the pipeline's name contains the run's name unchanged."""
    return pipeline_name(run_name) == _PREFIX + run_name
