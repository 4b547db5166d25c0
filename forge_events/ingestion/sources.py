# SPDX-License-Identifier: Apache-2.0
"""Recognise what can be ingested, and bring it into a store.

============================== ========================================================================
a path leads to                and is
============================== ========================================================================
a file with a header           a spool
a file of a worker's messages  the stream of ``ansible-runner worker``
a JSON file with ``plays``     the playbook artifact of ansible-navigator
a folder with ``artifacts``    a ``private_data_dir`` of ansible-runner
a folder with ``job_events``   an artifact of ansible-runner, as is one with ``command`` or ``status``
a folder with ``*.jsonl``      spools
any other folder               artifacts, a folder each
============================== ========================================================================
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from forge_events.errors import BrokenSpool, ForgeEventsError, SchemaMismatch, StoreUnavailable
from forge_events.files import open_binary
from forge_events.ingestion.intake import Received
from forge_events.ingestion.parsing import NotJson, parse
from forge_events.ingestion.runner.folder import Folder, Unreadable
from forge_events.ingestion.runner.navigator import is_navigator
from forge_events.ingestion.source import Wish
from forge_events.ingestion.sources_of_runner import ArtifactSource, NavigatorSource, StreamSource
from forge_events.ingestion.spool_source import SpoolSource
from forge_events.spool import MAX_LINE, SUFFIX

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator
    from pathlib import Path

    from forge_events.ingestion.source import Source
    from forge_events.store.contract import Store

__all__ = ["NoSource", "find", "ingest", "taken"]

_LOG = logging.getLogger(__name__)

_ARTIFACTS = "artifacts"
_OF_ARTIFACT = ("job_events", "command", "status")
_BEGINNING = 64 * 1024


class NoSource:
    """Something in a folder that cannot be ingested."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self._reason = reason

    def ingest(self, store: Store, wish: Wish) -> Iterator[Received]:  # noqa: ARG002 - the shape of a source
        """Yield why nothing comes of it."""
        yield Received(self.path, problem=self._reason)


def find(path: Path) -> list[Source]:
    """Return what a path leads to, in the order in which the jobs started.

    :raises BrokenSpool: there is nothing, or it cannot be read.
    """
    try:
        return _in_folder(path) if path.is_dir() else [_of_file(path)]
    except Unreadable as error:
        raise BrokenSpool(str(path), str(error)) from error
    except OSError as error:
        raise BrokenSpool(str(path), error.strerror or type(error).__name__) from error


def ingest(path: Path, store: Store, now: datetime.datetime, *, keeps_environment: bool = False) -> list[Received]:
    """Bring everything that a path leads to into a store: spools, and what ansible-runner and ansible-navigator left.

    The files stay as they are. Doing it again changes nothing.

    :param keeps_environment: keep the environment that runner gave to Ansible, without what looks like a secret.
    :return: what came of each job, and what could not be taken, each with its ``problem``.
    :raises BrokenSpool: a file that is named is none of these.
    """
    wish = Wish(lambda: now, keeps_environment=keeps_environment)
    return [received for source in find(path) for received in taken(source, store, wish)]


def taken(source: Source, store: Store, wish: Wish) -> Iterator[Received]:
    """Bring a source into a store; whatever is amiss with it is told of, and holds no other back.

    :raises StoreUnavailable: the store cannot be used. BrokenSpool: the source cannot be read or is none.
    """
    try:
        yield from source.ingest(store, wish)
    except (StoreUnavailable, SchemaMismatch, BrokenSpool):
        raise
    except ForgeEventsError as error:
        yield Received(source.path, problem=str(error))
    except OSError as error:
        yield Received(source.path, problem=error.strerror or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - a fault of ours with one source is none of the others'
        _LOG.debug("the fault", exc_info=error)
        yield Received(source.path, problem=f"it makes forge-events fail: {type(error).__name__}")


def _of_file(path: Path) -> Source:
    with open_binary(path, follows=True) as file:
        beginning = file.readline(_BEGINNING)
    first = _json(beginning)
    if isinstance(first, dict) and _is_message(first):
        return StreamSource(path)
    if beginning.lstrip()[:1] == b"{" and not (isinstance(first, dict) and "header" in first):
        return _navigator(path)
    return SpoolSource(path)


def _is_message(value: dict[str, Any]) -> bool:
    return "header" not in value and ("status" in value or "counter" in value) and "plays" not in value


def _navigator(path: Path) -> Source:
    with open_binary(path, follows=True) as file:
        data = file.read(MAX_LINE + 1)
    artifact: Any = _json(data) if len(data) <= MAX_LINE else None
    return NavigatorSource(path, artifact) if is_navigator(artifact) else SpoolSource(path)


def _json(data: bytes) -> Any:
    try:
        return parse(data)
    except NotJson:
        return None


def _in_folder(path: Path) -> list[Source]:
    with Folder.at(str(path)) as folder:
        if folder.has(_ARTIFACTS) and not _is_artifact(folder):
            with folder.folder(_ARTIFACTS) as artifacts:
                return _artifacts(artifacts, path, (_ARTIFACTS,))
        if any(name.endswith(SUFFIX) and is_file for name, is_file in folder.names()):
            return [SpoolSource(path)]
        return _artifacts(folder, path, ())


def _artifacts(folder: Folder, root: Path, below: tuple[str, ...]) -> list[Source]:
    """Return a folder that is an artifact, or the artifacts in it; what is none of them is told of."""
    if _is_artifact(folder):
        return [ArtifactSource(root, below)]
    found: list[tuple[float, str, Source]] = []
    for name, _is_file in folder.names():
        if name.startswith("."):
            continue  # runner's lock
        place = root.joinpath(*below, name)
        try:
            with folder.folder(name) as child:
                started = child.changed("command") or child.changed() or 0.0
                source: Source = (
                    ArtifactSource(root, (*below, name))
                    if _is_artifact(child)
                    else NoSource(place, "it is no artifact of ansible-runner")
                )
        except Unreadable as error:
            started, source = 0.0, NoSource(place, str(error))
        found.append((started, name, source))
    return [source for _started, _name, source in sorted(found, key=lambda each: each[:2])]


def _is_artifact(folder: Folder) -> bool:
    return any(folder.has(name) for name in _OF_ARTIFACT)
