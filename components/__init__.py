"""TFX components: examples, id features, training, export and publishing."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Gives the artifact type, which Kubeflow looks up as `components.<class>`.

    Only when asked for: whoever takes just a reader or the features from here need not
    wait for TFX to import.
    """
    if name == "HostShardedCheckpoint":
        from components.artifacts import HostShardedCheckpoint

        return HostShardedCheckpoint
    raise AttributeError(f"module 'components' has no attribute '{name}'")
