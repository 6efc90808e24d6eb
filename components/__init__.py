"""TFX components: examples, id features, training, export and publishing.

Artifact types are importable from here, because Kubeflow looks a type up by
`<top-level package>.<class>`.
"""

# TFX must come before TensorFlow Data Validation, whose release for glibc 2.36 imports
# a module that only TFX supplies.
import tfx  # noqa: F401

from components.artifacts import HostShardedCheckpoint

__all__ = ["HostShardedCheckpoint"]
