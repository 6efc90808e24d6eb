"""The models to compare, each in a local folder for as long as it is needed."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator

from tfx.dsl.io import fileio
from tfx.utils import path_utils

from shardline.components.contracts.spans.comparison import ComparedModel
from shardline.components.contracts.spans.learnt import has_learnt
from shardline.components.contracts.spans.plan import PlannedSpan
from shardline.components.execution.local_copy import local_input
from shardline.components.pusher.newest_model import published_model
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store

_log = logging.getLogger("shardline.comparison")


@dataclasses.dataclass(frozen=True)
class JudgedModel:
    """A model at hand.

    Attributes:
        about: what is recorded of it.
        folder: its model folder, local; "" if it cannot be had.
        why_not: why it cannot; "" if it can.
    """

    about: ComparedModel
    folder: str
    why_not: str = ""


@contextlib.contextmanager
def exported_model(uri: str, spans: str = "") -> Iterator[JudgedModel]:
    """Gives the model of a Model artifact.

    Args:
        uri: of the artifact, local or not.
        spans: what it has learnt.
    """
    with local_input(path_utils.serving_model_path(uri)) as folder:
        yield JudgedModel(ComparedModel(uri=uri, spans=spans), folder)


@contextlib.contextmanager
def model_in_service(
    serving_dir: str, candidate: str, judged_on: PlannedSpan | None = None
) -> Iterator[JudgedModel | None]:
    """Gives the newest published model; None if there is none yet.

    A run that was killed after it had published finds the candidate itself there, and
    compares it with the version before, as it did the first time. So does a run that
    is replayed: models of runs that were undone have learnt what judges.

    Args:
        serving_dir: the folder that model servers, or their agents, read; local or not.
        candidate: of its Model artifact, the uri.
        judged_on: the span that judges, if data comes in spans.
    """
    store = open_store(serving_dir)
    for version in reversed(store.all_versions()):
        about = ComparedModel(uri=store.location(version), version=str(version))
        with contextlib.ExitStack() as stack:
            try:
                origin = store.publication(version).origin
                if origin.get("model") == candidate:
                    continue
                spans = str(origin.get("spans", ""))
                if judged_on and has_learnt(spans, judged_on):
                    _log.info("version %s has learnt %s", version, judged_on)
                    continue
                folder = stack.enter_context(published_model(store, version))
            except (OSError, PublicationError) as error:
                yield JudgedModel(about, "", str(error))
                return
            yield JudgedModel(about.model_copy(update={"spans": spans}), str(folder))
            return
    yield None


@contextlib.contextmanager
def never_updated_model(uri: str | None) -> Iterator[JudgedModel | None]:
    """Gives the baseline; None if there is none, or it is gone.

    Args:
        uri: of its Model artifact.
    """
    if uri is None:
        yield None
        return
    if not fileio.exists(path_utils.serving_model_path(uri)):
        _log.warning("the model that was never updated is gone: %s", uri)
        yield None
        return
    with exported_model(uri) as model:
        yield model
