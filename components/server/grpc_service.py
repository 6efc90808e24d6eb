"""TensorFlow Serving's gRPC services, and gRPC's own of health.

Handlers take bytes, so that a message that cannot be read is an INVALID_ARGUMENT.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
)

from shardline.components.server.model import LoadedVersion
from shardline.components.server.prediction import Predictions
from shardline.components.server.protos import PredictMessages, parsed, query_of
from shardline.components.server.request_error import (
    RequestError,
    Status,
    invalid,
    quoted,
)
from shardline.components.server.versions import Versions

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
_MODEL_SERVICE = "tensorflow.serving.ModelService"
_SIGNATURES = "signature_def"
_Answer = Callable[[bytes], Awaitable[bytes]]


class _Health(health.aio.HealthServicer):
    """Health checks whose watchers do not hold up the end of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.is_over = asyncio.Event()

    async def Watch(self, request: Any, context: Any) -> None:
        """Streams changes until the client or the server ends."""
        watching = asyncio.ensure_future(super().Watch(request, context))
        over = asyncio.ensure_future(self.is_over.wait())
        try:
            await asyncio.wait([watching, over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            over.cancel()


class GrpcService:
    """The services of one model."""

    def __init__(
        self, predictions: Predictions, versions: Versions, max_request_bytes: int
    ):
        """Serves nothing until it is added to a server.

        Args:
            predictions: answers Predict.
            versions: what is served.
            max_request_bytes: that a request's tensors may take.
        """
        self._health = _Health()
        self._predictions = predictions
        self._versions = versions
        self._codec = PredictMessages(max_request_bytes)

    def add_to(self, server: grpc.aio.Server) -> None:
        """Adds all services to a server."""
        prediction: dict[str, _Answer] = {
            "Predict": self._predict,
            "GetModelMetadata": self._metadata,
        }
        for method in ("Classify", "Regress", "MultiInference"):
            prediction[method] = _unimplemented(method)
        services: dict[str, dict[str, _Answer]] = {
            PREDICTION_SERVICE: prediction,
            _MODEL_SERVICE: {"GetModelStatus": self._status},
        }
        for service, methods in services.items():
            handlers = {name: _handler(answer) for name, answer in methods.items()}
            server.add_generic_rpc_handlers(
                [grpc.method_handlers_generic_handler(service, handlers)]
            )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)

    async def set_ready(self, is_ready: bool) -> None:
        """Tells gRPC's health checks whether requests are answered."""
        served = health_pb2.HealthCheckResponse
        state = served.SERVING if is_ready else served.NOT_SERVING
        for service in ("", PREDICTION_SERVICE, _MODEL_SERVICE):
            await self._health.set(service, state)

    def end_watches(self) -> None:
        """Ends the health checks that wait for changes."""
        self._health.is_over.set()

    async def _predict(self, body: bytes) -> bytes:
        return await self._predictions.answer(self._codec, body)

    async def _metadata(self, body: bytes) -> bytes:
        request = parsed(get_model_metadata_pb2.GetModelMetadataRequest, body)
        unknown = [field for field in request.metadata_field if field != _SIGNATURES]
        if unknown or not request.metadata_field:
            raise invalid(
                f"The metadata_field must be {_SIGNATURES!r}, got "
                f"{[quoted(field) for field in unknown[:10]]}."
            )
        query = query_of(request.model_spec, request)
        with self._versions.use(query.model, query.version) as model:
            return bytes(metadata_of(query.model, model).SerializeToString())

    async def _status(self, body: bytes) -> bytes:
        request = parsed(get_model_status_pb2.GetModelStatusRequest, body)
        query = query_of(request.model_spec, request)
        return bytes(
            status_of(self._versions, query.model, query.version).SerializeToString()
        )


def metadata_of(name: str, model: LoadedVersion) -> Any:
    """Returns the signatures of a version, a GetModelMetadataResponse."""
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = model.version
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for signature in model.signatures.values():
        signatures.signature_def[signature.name].CopyFrom(signature.definition)
    response.metadata[_SIGNATURES].Pack(signatures)
    return response


def status_of(versions: Versions, name: str, version: int | None) -> Any:
    """Returns what became of versions, a GetModelStatusResponse.

    Args:
        versions: the versions of the model.
        name: the name of the model, as it was sent.
        version: None is all of them.

    Raises:
        RequestError: if there is no such model or version.
    """
    versions.check_name(name)
    states = [s for s in versions.states() if version in (None, s.version)]
    if not states:
        raise RequestError(
            Status.NOT_FOUND,
            f"No version of {name!r} is known that fits. Known are "
            f"{[state.version for state in versions.states()]}.",
        )
    response = get_model_status_pb2.GetModelStatusResponse()
    kinds = get_model_status_pb2.ModelVersionStatus.State
    for state in states:
        said = response.model_version_status.add(
            version=state.version, state=kinds.Value(state.state)
        )
        if state.error:
            said.status.error_code = Status.UNKNOWN.value[0]
            said.status.error_message = state.error
        else:
            said.status.error_code = 0
    return response


def _handler(answer: _Answer) -> grpc.RpcMethodHandler:
    async def handle(body: bytes, context: Any) -> bytes:
        try:
            return await answer(body)
        except RequestError as error:
            # Without the error itself, which holds all that the request took.
            refusal = error.status, error.message
        await context.abort(*refusal)
        raise AssertionError  # abort does

    return grpc.unary_unary_rpc_method_handler(handle)


def _unimplemented(method: str) -> _Answer:
    async def refuse(body: bytes) -> NoReturn:
        raise RequestError(
            Status.UNIMPLEMENTED,
            f"{method} is not served: the model has no such signature. Use Predict.",
        )

    return refuse
