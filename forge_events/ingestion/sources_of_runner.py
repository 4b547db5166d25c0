# SPDX-License-Identifier: Apache-2.0
"""What ansible-runner and ansible-navigator leave behind, as sources."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from forge_events.events import from_timestamp
from forge_events.files import open_binary
from forge_events.ingestion.intake import Received
from forge_events.ingestion.runner import navigator
from forge_events.ingestion.runner.artifact_intake import ArtifactIntake
from forge_events.ingestion.runner.events import NoEvent
from forge_events.ingestion.runner.folder import Folder, Troubles, Unreadable
from forge_events.ingestion.runner.intake import LineIntake, Overtaken
from forge_events.ingestion.runner.job import job_uuid
from forge_events.ingestion.runner.recorder import CUT_OFF
from forge_events.ingestion.runner.stream import GrowingFile, Stream
from forge_events.ingestion.runner.translation import Origin, Translation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forge_events.ingestion.source import Wish
    from forge_events.store.contract import Store

__all__ = ["ArtifactSource", "NavigatorSource", "StreamSource"]


class ArtifactSource:
    """One artifact of ansible-runner.

    :param root: the folder that the user named.
    :param below: the folders that lead from there to the artifact; none of them may be a link.
    """

    def __init__(self, root: Path, below: tuple[str, ...]) -> None:
        self.path = root.joinpath(*below)
        self._root = root
        self._below = below

    def ingest(self, store: Store, wish: Wish) -> Iterator[Received]:
        """Bring it into a store, what is there or, where that is wished, what comes until the job is over."""
        while True:
            try:
                intake = ArtifactIntake(
                    self._open(), self.path.name, store, keeps_environment=wish.keeps_environment, seen=wish.seen
                )
            except Unreadable as error:
                yield Received(self.path, problem=str(error))
                return
            try:
                yield from self._take(intake, wish)
            except Overtaken:
                continue  # what is left is read again
            finally:
                intake.close()
            return

    def _take(self, intake: ArtifactIntake, wish: Wish) -> Iterator[Received]:
        intake.run_once(wish.clock(), is_followed=wish.pause is not None)
        while wish.pause is not None and not intake.is_done:
            wish.pause()
            intake.run_once(wish.clock(), is_followed=True)
        for trouble in intake.troubles():
            yield Received(self.path / trouble.name if trouble.name else self.path, problem=trouble.reason)
        if intake.job is not None:
            yield Received(self.path, intake.job, intake.event_count)
        else:
            yield Received(self.path, problem="there is no event yet")

    def _open(self) -> Folder:
        """Open the artifact's folder, step by step, so that no link leads out of the root."""
        with ExitStack() as above:
            folder = Folder.at(str(self._root))
            for name in self._below:
                above.callback(folder.close)
                folder = folder.folder(name)
            return folder


class _MessageSource(ABC):
    """A file that holds the messages of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = 0

    @abstractmethod
    def _origin(self, written: str) -> Origin:
        """Return what is known of the job beside its messages; ``written`` is when the file was."""

    @abstractmethod
    def _messages(self, troubles: Troubles, wish: Wish) -> Iterator[dict[str, Any]]:
        """Yield the messages; ``_size`` is that of the last one, where this is not all in memory anyway."""

    def _problem(self) -> str:
        """Return what is amiss when all messages have been read."""
        return ""

    def ingest(self, store: Store, wish: Wish) -> Iterator[Received]:
        """Bring it into a store."""
        while True:
            troubles = Troubles()
            try:
                intake = self._take(store, wish, troubles)
            except Overtaken:
                continue  # what is left is read again
            break
        for damage in intake.damages:
            troubles.add(f"event {damage.start}", f"it is no event, because {damage.reason}")
        for trouble in troubles.take():
            yield Received(self.path, problem=": ".join(filter(None, trouble)))
        yield Received(self.path, intake.job, intake.event_count)

    def _take(self, store: Store, wish: Wish, troubles: Troubles) -> LineIntake:
        written = from_timestamp(self.path.stat().st_mtime)
        origin = self._origin(written.isoformat(timespec="microseconds"))
        translation = Translation(origin._replace(keeps_environment=wish.keeps_environment))
        intake = LineIntake(store)
        for message in self._messages(troubles, wish):
            try:
                intake.take(translation.take(message), self._size)
            except NoEvent as error:
                troubles.add("", str(error))
            if intake.is_done:
                return intake
            if wish.pause is not None:
                intake.flush()
            wish.seen(intake.event_count)
        intake.take(translation.end(explanation=self._problem()))
        intake.flush()
        wish.seen(intake.event_count)
        return intake


class StreamSource(_MessageSource):
    """A file of what ``ansible-runner worker`` wrote."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._is_whole = False

    def _origin(self, written: str) -> Origin:
        return Origin(self.path.stem, written)

    def _messages(self, troubles: Troubles, wish: Wish) -> Iterator[dict[str, Any]]:
        with open_binary(self.path, follows=True) as file:
            stream = Stream(GrowingFile(file, wish.pause) if wish.pause is not None else file, troubles)
            for message in stream.messages():
                self._size = stream.size
                yield message
            self._is_whole = stream.is_whole

    def _problem(self) -> str:
        return "" if self._is_whole else CUT_OFF


class NavigatorSource(_MessageSource):
    """The playbook artifact of ansible-navigator.

    :param artifact: the JSON value of the file.
    """

    def __init__(self, path: Path, artifact: dict[str, Any]) -> None:
        super().__init__(path)
        self._artifact = artifact
        content = json.dumps(artifact, sort_keys=True).encode()
        self._uuid = job_uuid("ansible-navigator", hashlib.sha256(content).hexdigest())

    def _origin(self, written: str) -> Origin:
        return Origin(self._uuid, written, uuid=self._uuid, owes_stats=False)

    def _messages(self, troubles: Troubles, wish: Wish) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - as every source
        written = from_timestamp(self.path.stat().st_mtime)
        return navigator.messages(self._artifact, self._uuid, written.isoformat(timespec="microseconds"))
