"""Shardline: recommender training with host-sharded embedding tables.

The repository's root is the package: its folders are `shardline.pipeline`,
`shardline.components`, `shardline.embedding` and `shardline.configs`.
"""

from typing import Any

_ARTIFACTS = frozenset(
    {
        "HostShardedCheckpoint",
        "LivingVocabulary",
        "ModelComparison",
        "ServingValidation",
        "SpanPlan",
    }
)


def __getattr__(name: str) -> Any:
    """Gives an artifact type, which Kubeflow imports as `shardline.<class>`.

    Only when asked for: whoever takes the engine alone has no TFX to import.
    """
    if name in _ARTIFACTS:
        from shardline.components.contracts import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module 'shardline' has no attribute '{name}'")
