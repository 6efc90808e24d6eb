"""How a metadata store is reached."""

from pathlib import Path
from typing import TypeAlias

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from tfx.proto.orchestration import local_deployment_config_pb2

# How a metadata store is reached.
Connection: TypeAlias = mlmd.ConnectionConfig


def sqlite_connection(file: Path | str) -> Connection:
    """Returns how to reach the metadata store in a SQLite file, made if need be."""
    return metadata.sqlite_metadata_connection_config(str(file))


def connection_of(
    deployment: local_deployment_config_pb2.LocalDeploymentConfig,
) -> Connection:
    """Returns how a compiled pipeline reaches its metadata store."""
    config = deployment.metadata_connection_config
    return getattr(config, config.WhichOneof("connection_config"))


def tfx_metadata(connection: Connection) -> metadata.Metadata:
    """Returns the metadata store as TFX's own parts take it; open it by `with`."""
    return metadata.Metadata(connection)


def open_store(connection: Connection) -> MetadataStore:
    """Returns the metadata store as ML Metadata has it.

    Args:
        connection: how it is reached.
    """
    return MetadataStore(connection)
