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

import datetime  # noqa: TC003 - the names of a NamedTuple are looked at
import hashlib
import json
import logging
from collections.abc import Callable  # noqa: TC003 - the same
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path  # noqa: TC003 - the same
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from forge_events.errors import BrokenSpool, ForgeEventsError, SchemaMismatch, StoreUnavailable
from forge_events.events import from_timestamp
from forge_events.files import open_binary
from forge_events.ingestion import receiver
from forge_events.ingestion.intake import LineIntake, Lines, Overtaken
from forge_events.ingestion.parsing import NotJson, parse
from forge_events.ingestion.receiver import Received, Receiver, SpoolIntake
from forge_events.ingestion.runner import navigator
from forge_events.ingestion.runner.artifact import Artifact
from forge_events.ingestion.runner.events import NoEvent
from forge_events.ingestion.runner.folder import Folder, Troubles, Unreadable
from forge_events.ingestion.runner.job import job_uuid
from forge_events.ingestion.runner.recorder import CUT_OFF
from forge_events.ingestion.runner.stream import GrowingFile, Stream
from forge_events.ingestion.runner.translation import Origin, Translation
from forge_events.spool import MAX_LINE, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.store import Store

__all__ = ["IngestOptions", "LineSource", "NoSource", "Source", "SpoolSource", "find", "ingest", "taken"]

_LOG = logging.getLogger(__name__)

_ARTIFACTS = "artifacts"
_OF_ARTIFACT = ("job_events", "command", "status")
_BEGINNING = 64 * 1024


def _nobody(_count: int) -> None:
    """Take no notice of how many events have been taken in."""


class IngestOptions(NamedTuple):
    """How to ingest.

    :param clock: tells the present time.
    :param keeps_environment: keep the environment that runner gave to Ansible, without what looks like a secret.
    :param pause: waits a moment for more to come, until the job is over; None takes what is there.
    :param seen: is told how many events of a source have been taken in so far.
    """

    clock: Callable[[], datetime.datetime]
    keeps_environment: bool = False
    pause: Callable[[], None] | None = None
    seen: Callable[[int], None] = _nobody


class Source(Protocol):
    """Something that can be ingested: a job, as a rule."""

    path: Path

    def ingest(self, store: Store, options: IngestOptions) -> Iterator[Received]:
        """Bring it into a store, and yield what came of it and what could not be taken.

        :raises StoreUnavailable: the store cannot be used.
        """


class NoSource:
    """Something in a folder that cannot be ingested."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self._reason = reason

    def ingest(self, store: Store, options: IngestOptions) -> Iterator[Received]:  # noqa: ARG002 - the shape of a source
        """Yield why nothing comes of it."""
        yield Received(self.path, problem=self._reason)


class SpoolSource:
    """A spool file or a folder of them, from elsewhere; only a file can be followed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ingest(self, store: Store, options: IngestOptions) -> Iterator[Received]:
        """Bring it into a store; the files stay as they are."""
        if self.path.is_dir():
            yield from Receiver(self.path, store, is_owner=False).drain(options.clock())
        elif options.pause is None:
            yield receiver.receive(self.path, store)
        else:
            yield self._follow(store, options, options.pause)

    def _follow(self, store: Store, options: IngestOptions, pause: Callable[[], None]) -> Received:
        """Take in what comes until the job is final; a recorder on another machine is taken to be there."""
        intake = SpoolIntake(store, is_owner=False, follows=True)
        count = 0
        while True:
            try:
                received = intake.receive(self.path)
            except OSError as error:
                raise BrokenSpool(str(self.path), error.strerror or type(error).__name__) from error
            count += received.event_count
            if received.job is None or received.job.status.is_final:
                return received._replace(event_count=count)
            options.seen(count)
            pause()


class LineSource:
    """A job of ansible-runner or ansible-navigator, as the lines that its spool would have.

    :param lines: yields them, and notes down what of the source cannot be taken.
    :param has_files: what cannot be taken is named by its path below the source.
    """

    def __init__(
        self, path: Path, lines: Callable[[IngestOptions, Troubles], Lines], *, has_files: bool = False
    ) -> None:
        self.path = path
        self._lines = lines
        self._has_files = has_files

    def ingest(self, store: Store, options: IngestOptions) -> Iterator[Received]:
        """Bring it into a store, what is there or, where that is wished, what comes until the job is over."""
        while True:
            troubles, intake = Troubles(), LineIntake(store, options.seen)
            try:
                with closing(self._lines(options, troubles)) as lines:
                    intake.take(lines)
            except Overtaken:
                continue  # what is left is read again
            except Unreadable as error:
                yield Received(self.path, problem=str(error))
                return
            break
        for damage in intake.damages:
            troubles.add(f"event {damage.start}", f"it is no event, because {damage.reason}")
        for name, reason in troubles.take():
            if self._has_files:
                yield Received(self.path / name if name else self.path, problem=reason)
            else:
                yield Received(self.path, problem=": ".join(filter(None, (name, reason))))
        none = "" if intake.job is not None else "there is no event yet"
        yield Received(self.path, intake.job, intake.event_count, problem=none)


def _of_artifact(root: Path, below: tuple[str, ...], options: IngestOptions, troubles: Troubles) -> Lines:
    """Yield the lines of an artifact, what is there or, where that is wished, what comes until the job is over.

    :param root: the folder that the user named.
    :param below: the folders that lead from there to the artifact; none of them may be a link.
    """
    is_followed = options.pause is not None
    translation: Translation | None = None
    with _opened(root, below) as folder, closing(Artifact(folder, troubles)) as artifact:
        while True:
            now = options.clock()
            state = artifact.state(now, is_followed=is_followed)
            if translation is None:
                translation = Translation(
                    _origin(artifact, options, (root.name, *below)[-1], now, is_over=state.is_over)
                )
                yield from _lines(translation.take(artifact.start()))
            for message in artifact.events(is_over=state.is_over):
                try:
                    yield from _lines(translation.take(message), artifact.size)
                except NoEvent as error:
                    troubles.add(f"event {message.get('counter')}", str(error))
            if state.is_over:
                artifact.missing(state)
                for message in ({"status": state.status}, {"rc": state.rc}):
                    yield from _lines(translation.take(message))
                yield from _lines(translation.end(artifact.ended(translation.last)))
            yield None, 0
            if options.pause is None or state.is_over:
                return
            options.pause()


def _origin(artifact: Artifact, options: IngestOptions, ident: str, now: datetime.datetime, *, is_over: bool) -> Origin:
    return Origin(
        ident=ident,
        now=_text(now),
        started=artifact.started(),
        stats=artifact.stats() if is_over else None,
        keeps_environment=options.keeps_environment,
    )


def _of_stream(path: Path, options: IngestOptions, troubles: Troubles) -> Lines:
    """Yield the lines of a file of what ``ansible-runner worker`` wrote."""
    translation = Translation(Origin(path.stem, _written(path), keeps_environment=options.keeps_environment))
    with open_binary(path, follows=True) as file:
        stream = Stream(GrowingFile(file, options.pause) if options.pause is not None else file, troubles)
        for message in stream.messages():
            yield from _translated(translation, message, stream.size, troubles)
            if options.pause is not None:
                yield None, 0
    yield from _lines(translation.end(explanation="" if stream.is_whole else CUT_OFF))


def _of_navigator(artifact: dict[str, Any], path: Path, options: IngestOptions, troubles: Troubles) -> Lines:
    """Yield the lines of the playbook artifact of ansible-navigator, the JSON value of a file."""
    written, content = _written(path), json.dumps(artifact, sort_keys=True).encode()
    uuid = job_uuid("ansible-navigator", hashlib.sha256(content).hexdigest())
    origin = Origin(uuid, written, uuid=uuid, owes_stats=False, keeps_environment=options.keeps_environment)
    translation = Translation(origin)
    for message in navigator.messages(artifact, uuid, written):
        yield from _translated(translation, message, 0, troubles)
    yield from _lines(translation.end())


def _translated(translation: Translation, message: dict[str, Any], size: int, troubles: Troubles) -> Lines:
    try:
        yield from _lines(translation.take(message), size)
    except NoEvent as error:
        troubles.add("", str(error))


def _lines(lines: Iterator[dict[str, Any]], size: int = 0) -> Lines:
    """Yield the lines that a message makes; the first one has its size."""
    for line in lines:
        yield line, size
        size = 0


def _written(path: Path) -> str:
    return _text(from_timestamp(path.stat().st_mtime))


def _text(time: datetime.datetime) -> str:
    return time.isoformat(timespec="microseconds")


def _opened(root: Path, below: tuple[str, ...]) -> Folder:
    """Open an artifact's folder, step by step, so that no link leads out of the root."""
    with ExitStack() as above:
        folder = Folder.at(str(root))
        for name in below:
            above.callback(folder.close)
            folder = folder.folder(name)
        return folder


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
    options = IngestOptions(lambda: now, keeps_environment=keeps_environment)
    return [received for source in find(path) for received in taken(source, store, options)]


def taken(source: Source, store: Store, options: IngestOptions) -> Iterator[Received]:
    """Bring a source into a store; whatever is amiss with it is told of, and holds no other back.

    :raises StoreUnavailable: the store cannot be used. BrokenSpool: the source cannot be read or is none.
    """
    try:
        yield from source.ingest(store, options)
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
        return LineSource(path, partial(_of_stream, path))
    if beginning.lstrip()[:1] == b"{" and not (isinstance(first, dict) and "header" in first):
        return _navigator(path)
    return SpoolSource(path)


def _is_message(value: dict[str, Any]) -> bool:
    return "header" not in value and ("status" in value or "counter" in value) and "plays" not in value


def _navigator(path: Path) -> Source:
    with open_binary(path, follows=True) as file:
        data = file.read(MAX_LINE + 1)
    artifact: Any = _json(data) if len(data) <= MAX_LINE else None
    return (
        LineSource(path, partial(_of_navigator, artifact, path))
        if navigator.is_navigator(artifact)
        else SpoolSource(path)
    )


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
        return [_artifact(root, below)]
    found: list[tuple[float, str, Source]] = []
    for name, _is_file in folder.names():
        if name.startswith("."):
            continue  # runner's lock
        place = root.joinpath(*below, name)
        try:
            with folder.folder(name) as child:
                started = child.changed("command") or child.changed() or 0.0
                source: Source = (
                    _artifact(root, (*below, name))
                    if _is_artifact(child)
                    else NoSource(place, "it is no artifact of ansible-runner")
                )
        except Unreadable as error:
            started, source = 0.0, NoSource(place, str(error))
        found.append((started, name, source))
    return [source for _started, _name, source in sorted(found, key=lambda each: each[:2])]


def _artifact(root: Path, below: tuple[str, ...]) -> Source:
    return LineSource(root.joinpath(*below), partial(_of_artifact, root, below), has_files=True)


def _is_artifact(folder: Folder) -> bool:
    return any(folder.has(name) for name in _OF_ARTIFACT)
