"""Servers on this machine that speak for platforms, for the platforms' own clients.

They keep what they are sent in memory, and answer as the services document it: Kubeflow
Pipelines' REST interface v2beta1, and Vertex AI's v1. Neither runs anything.
"""

import contextlib
import dataclasses
import http.server
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

Answer = tuple[int, Any]
_IDS = {
    "experiments": "experiment_id",
    "runs": "run_id",
    "recurringruns": "recurring_run_id",
}


@dataclasses.dataclass
class Platform:
    """What both servers have.

    Attributes:
        url: the address.
        sent: every request: method, path, and what came with it.
        refusal: the status and the body, or a page, of each answer instead; None: as it
            should be.
        token: without which nobody is let in; "" lets in everybody.
        ends_as: the state of runs; "" while they go on.
        busy: how many questions about a run are answered 503 first.
        once: by a pattern of `METHOD PATH`, what is answered instead, once; None: no
            answer comes, though what is asked is done.
    """

    url: str = ""
    sent: list[tuple[str, str, Any]] = dataclasses.field(default_factory=list)
    refusal: Answer | None = None
    token: str = ""
    ends_as: str = ""
    busy: int = 0
    once: dict[str, Answer | None] = dataclasses.field(default_factory=dict)

    def odd(self, method: str, path: str) -> tuple[Answer | None, ...]:
        """Returns what is answered instead, this once; empty for nothing."""
        for pattern in list(self.once):
            if re.search(pattern, f"{method} {path}"):
                return (self.once.pop(pattern),)
        return ()

    def bodies(self, method: str, path: str) -> list[Any]:
        """Returns what came with requests of a method, whose path ends like one."""
        return [b for m, p, b in self.sent if m == method and p.endswith(path)]

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> Answer:
        """Answers a request."""
        raise NotImplementedError


@dataclasses.dataclass
class Kubeflow(Platform):
    """A server of Kubeflow Pipelines."""

    kept: dict[str, dict[str, dict[str, Any]]] = dataclasses.field(
        default_factory=lambda: {"experiments": {}, "runs": {}, "recurringruns": {}}
    )

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> Answer:
        path = path.removeprefix("/apis/v2beta1/")
        if path == "healthz":
            return 200, {"multi_user": False}
        kind, _, rest = path.partition("/")
        if kind not in self.kept:
            return 404, {"message": f"no {path}"}
        if not rest:
            return self._all(method, kind, query, body)
        number, _, action = rest.partition(":")
        if number not in self.kept[kind]:
            return 404, {"message": f"no {kind} {number}"}
        if method == "DELETE":
            del self.kept[kind][number]
        elif action in ("enable", "disable"):
            self.kept[kind][number]["status"] = f"{action.upper()}D"
        return 200, self.kept[kind].get(number, {})

    def _all(self, method: str, kind: str, query: dict[str, str], body: Any) -> Answer:
        kept = self.kept[kind]
        if method == "POST":
            number = f"{kind}-{len(self.sent)}"
            kept[number] = {**body, _IDS[kind]: number}
            if kind == "recurringruns":
                kept[number]["status"] = f"{body['mode']}D"
            elif kind == "runs":
                kept[number]["state"] = self.ends_as or "RUNNING"
            return 200, kept[number]
        (predicate,) = json.loads(query["filter"])["predicates"]
        name = predicate.get("stringValue", predicate.get("string_value"))
        found = [one for one in kept.values() if one["display_name"] == name]
        key = "recurringRuns" if kind == "recurringruns" else kind
        return 200, {key: found, "total_size": len(found)}


@dataclasses.dataclass
class Vertex(Platform):
    """The service of Vertex AI."""

    kept: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> Answer:
        path = path.removeprefix("/v1/")
        if "/operations/" in path:
            return 200, {"name": path, "done": True, "response": {}}
        name, _, action = path.partition(":")
        parts = name.split("/")
        if len(parts) == 5:
            return self._all(method, name, query, body)
        if name not in self.kept:
            return 404, {"error": {"message": f"no {name}", "status": "NOT_FOUND"}}
        if method == "DELETE":
            del self.kept[name]
            parent = "/".join(parts[:4])
            return 200, {
                "name": f"{parent}/operations/1",
                "done": True,
                "response": {"@type": "type.googleapis.com/google.protobuf.Empty"},
            }
        if method == "PATCH":
            paths = query["updateMask"].split(",")
            unset = {"allowQueueing": False}
            kept = {key: body.get(key, unset.get(key)) for key in paths}
            self.kept[name].update(kept)
        elif action in ("pause", "resume"):
            self.kept[name]["state"] = {"pause": "PAUSED", "resume": "ACTIVE"}[action]
            return 200, {}
        return 200, self.kept[name]

    def _all(self, method: str, name: str, query: dict[str, str], body: Any) -> Answer:
        kind = name.rpartition("/")[2]
        if method == "POST":
            number = query.get("pipelineJobId", str(len(self.sent)))
            job = f"PIPELINE_STATE_{self.ends_as or 'RUNNING'}"
            state = {"schedules": "ACTIVE", "pipelineJobs": job}
            self.kept[f"{name}/{number}"] = {
                **body,
                "name": f"{name}/{number}",
                "state": state[kind],
            }
            return 200, self.kept[f"{name}/{number}"]
        wanted = re.fullmatch(r'display_name="(.*)"', query["filter"])
        assert wanted
        return 200, {
            kind: [
                one
                for key, one in self.kept.items()
                if key.startswith(f"{name}/") and one["displayName"] == wanted[1]
            ]
        }


def _is_about_a_run(method: str, path: str) -> bool:
    return method == "GET" and bool(re.search("/(runs|pipelineJobs)/", path))


def configuration(*servers: Platform) -> str:
    """Returns the sections of a configuration that has servers for its platforms."""
    lines = [
        "",
        "platform:",
        "  image: registry/shardline:1",
        "  pipeline_root: gs://bucket/artifacts",
        "  serving_dir: gs://bucket/serving",
        "  data_path: gs://bucket/data.zip",
    ]
    for server in servers:
        if isinstance(server, Kubeflow):
            lines += ["  kubeflow:"]
            lines += [f"    host: {server.url}"]
        else:
            lines += ["  vertex:", "    project: my-project", "    region: us-east1"]
            lines += [f"    endpoint: {server.url}"]
    return "\n".join([*lines, ""])


@contextlib.contextmanager
def serving(platform: Platform) -> Iterator[Platform]:
    """Has a platform answer at an address of this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            platform.sent.append((self.command, url.path, body))
            odd = platform.odd(self.command, url.path)
            if odd == (None,):
                platform.answer(self.command, url.path, query, body)
                self.close_connection = True
                return
            if odd and odd[0]:
                status, answer = odd[0]
            elif platform.token and self.headers.get("Authorization") != (
                f"Bearer {platform.token}"
            ):
                status, answer = 401, {"message": "who are you"}
            elif platform.busy and _is_about_a_run(self.command, url.path):
                platform.busy -= 1
                status, answer = 503, {"error": {"message": "busy"}}
            elif platform.refusal:
                status, answer = platform.refusal
            else:
                status, answer = platform.answer(self.command, url.path, query, body)
            is_page = isinstance(answer, str)
            text = (answer if is_page else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = do_PATCH = handle_request

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    platform.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
