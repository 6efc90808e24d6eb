"""TensorFlow Serving's REST form, the health of the process, and its metrics."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from shardline.components.server.grpc_service import metadata_of, status_of
from shardline.components.server.json_text import PredictJson
from shardline.components.server.metrics import Metrics
from shardline.components.server.prediction import Predictions
from shardline.components.server.protos import no_label
from shardline.components.server.request_error import RequestError, Status, quoted
from shardline.components.server.settings import Settings
from shardline.components.server.versions import Versions

_log = logging.getLogger(__name__)
_MODEL = "/v1/models/{name:[^/:]+}"
_VERSION = _MODEL + "/versions/{version:[^/:]+}"
_LABEL = _MODEL + "/labels/{label:[^/:]+}"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CODES = {status.value[0]: status.name for status in Status}
_LONGEST_VERSION = 18  # digits: every such number fits into 64 bits


class RestService:
    """The HTTP paths of one model."""

    def __init__(
        self,
        settings: Settings,
        predictions: Predictions,
        versions: Versions,
        metrics: Metrics,
        is_ready: Callable[[], bool],
    ):
        """Serves nothing until its application runs.

        Args:
            settings: the limits.
            predictions: answers `:predict`.
            versions: what is served.
            metrics: its page.
            is_ready: whether requests are to be sent here.
        """
        self._settings = settings
        self._predictions = predictions
        self._versions = versions
        self._metrics = metrics
        self._is_ready = is_ready

    def application(self) -> web.Application:
        """Returns the application to run."""
        application = web.Application(
            client_max_size=self._settings.max_request_bytes, middlewares=[_as_json]
        )
        for model in (_MODEL, _VERSION):
            application.router.add_get(model, self._status)
            application.router.add_get(f"{model}/metadata", self._metadata)
            application.router.add_post(f"{model}:predict", self._predict)
            application.router.add_post(model + ":{verb:classify|regress}", _no_verb)
        for path in (_LABEL, f"{_LABEL}/metadata", _LABEL + ":{verb:[^/:]+}"):
            application.router.add_route("*", path, _no_label)
        application.router.add_get("/monitoring/prometheus/metrics", self._metrics_page)
        application.router.add_get("/healthz", self._alive)
        application.router.add_get("/readyz", self._ready)
        return application

    async def _predict(self, request: web.Request) -> web.Response:
        try:
            with self._predictions.arriving():
                body = await self._body(request)
            codec = PredictJson(
                request.match_info["name"],
                _version(request),
                self._settings.max_request_bytes,
            )
        except (RequestError, web.HTTPException) as error:
            code = (
                error.status.name
                if isinstance(error, RequestError)
                else Status.INVALID_ARGUMENT.name
            )
            self._metrics.requests.labels("rest", "", code).inc()
            raise
        return _json(await self._predictions.answer(codec, body))

    async def _body(self, request: web.Request) -> bytes:
        """Reads a body; `request.read()` would keep what is too large for long."""
        seconds, most = self._settings.read_timeout_s, self._settings.max_request_bytes
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while (request.content_length or 0) <= most >= len(body):
                    chunk = await request.content.readany()
                    if not chunk:
                        return bytes(body)
                    body += chunk
        except TimeoutError as error:
            raise web.HTTPRequestTimeout(
                text=f"The body did not arrive within {seconds:g} s."
            ) from error
        raise web.HTTPRequestEntityTooLarge(
            most, text=f"The body is larger than {most} bytes (--max-request-bytes)."
        )

    async def _status(self, request: web.Request) -> web.Response:
        response = status_of(
            self._versions, request.match_info["name"], _version(request)
        )
        content = _plain(response)
        for said in content["model_version_status"]:
            code = said["status"]["error_code"]
            said["status"]["error_code"] = _CODES.get(code, code)
        return _json(json.dumps(content))

    async def _metadata(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        with self._versions.use(name, _version(request)) as model:
            response = metadata_of(name, model)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        content = {
            "model_spec": _plain(response.model_spec),
            "metadata": {"signature_def": _plain(signatures)},
        }
        return _json(json.dumps(content))

    async def _metrics_page(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.page(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _alive(self, request: web.Request) -> web.Response:
        return _json(json.dumps({"alive": True}))

    async def _ready(self, request: web.Request) -> web.Response:
        is_ready = self._is_ready()
        return _json(json.dumps({"ready": is_ready}), 200 if is_ready else 503)


async def _no_verb(request: web.Request) -> web.Response:
    raise RequestError(
        Status.UNIMPLEMENTED,
        f"{request.match_info['verb']} is not served: the model has no such signature. "
        "Use predict.",
    )


async def _no_label(request: web.Request) -> web.Response:
    raise no_label(request.match_info["label"])


def _version(request: web.Request) -> int | None:
    text = request.match_info.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_VERSION):
        raise RequestError(
            Status.INVALID_ARGUMENT, f"A version is a number, got {quoted(text)}."
        )
    return int(text)


def _plain(message: Any) -> Any:
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


def _json(text: str | bytes, status: int = 200) -> web.Response:
    body = text.encode() if isinstance(text, str) else text
    return web.Response(body=body, status=status, content_type="application/json")


@web.middleware
async def _as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Says every error as TensorFlow Serving does: `{"error": "..."}`."""
    try:
        return await handler(request)
    except RequestError as error:
        return _error(error.message, error.http_status)
    except web.HTTPException as error:
        text = error.text if error.status in (408, 413) else _malformed(request)
        return _error(text or error.reason, error.status)
    except Exception:
        _log.exception("A request failed")
        return _error("The server failed; its log says more.", 500)


def _malformed(request: web.Request) -> str:
    return f"Malformed request: {request.method} {quoted(request.path)}"


def _error(text: str, status: int) -> web.Response:
    return _json(json.dumps({"error": text}), status)
