# SPDX-License-Identifier: Apache-2.0
"""Take one artifact of ansible-runner to the store: what is there of it, and then what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.ingestion.runner.artifact import Artifact
from forge_events.ingestion.runner.events import NoEvent
from forge_events.ingestion.runner.intake import LineIntake
from forge_events.ingestion.runner.translation import Origin, Translation

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator
    from typing import Any

    from forge_events.ingestion.runner.artifact import State
    from forge_events.ingestion.runner.folder import Folder, Trouble
    from forge_events.jobs import Job
    from forge_events.store.contract import Store

__all__ = ["ArtifactIntake"]


class ArtifactIntake:
    """The way of one artifact into a store.

    :param folder: the artifact's own folder, open; it is closed with this.
    :param ident: what the folder is called.
    :param seen: is told each time how many events have been taken in.
    """

    def __init__(
        self,
        folder: Folder,
        ident: str,
        store: Store,
        *,
        keeps_environment: bool = False,
        seen: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._artifact = Artifact(folder)
        self._ident = ident
        self._keeps_environment = keeps_environment
        self._seen = seen
        self._intake = LineIntake(store)
        self._translation: Translation | None = None

    def close(self) -> None:
        """Give back the folder."""
        self._artifact.close()

    @property
    def job(self) -> Job | None:
        """The job; None as long as nothing is there of which one could be made."""
        return self._intake.job

    @property
    def event_count(self) -> int:
        """How many events were taken in."""
        return self._intake.event_count

    @property
    def is_done(self) -> bool:
        """Whether the job is final."""
        return self._intake.is_done

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in the folder that runner writes."""
        return self._artifact.is_empty()

    def troubles(self) -> Iterator[Trouble]:
        """Yield what could not be taken, each once."""
        for damage in self._intake.damages:
            self._artifact.troubles.add(f"event {damage.start}", f"it is no event, because {damage.reason}")
        yield from self._artifact.troubles.take()

    def run_once(self, now: datetime.datetime, *, is_followed: bool = False) -> None:
        """Take in what has come since the last time, and end the job if it is over.

        :param is_followed: somebody says that it is still being written.
        :raises Overtaken: somebody else has brought in a part; begin anew.
        """
        state = self._artifact.state(now, is_followed=is_followed)
        translation = self._translation or self._begin(state, now)
        for message in self._artifact.events(is_over=state.is_over):
            self._take(translation, message)
            if self.is_done:
                return
        if state.is_over:
            self._artifact.missing(state)
            for message in ({"status": state.status}, {"rc": state.rc}):
                self._intake.take(translation.take(message))
            self._intake.take(translation.end(self._artifact.ended(translation.last)))
        self._intake.flush()
        self._seen(self.event_count)

    def _begin(self, state: State, now: datetime.datetime) -> Translation:
        origin = Origin(
            ident=self._ident,
            now=now.isoformat(timespec="microseconds"),
            started=self._artifact.started(),
            stats=self._artifact.stats() if state.is_over else None,
            keeps_environment=self._keeps_environment,
        )
        self._translation = Translation(origin)
        self._intake.take(self._translation.take(self._artifact.start()))
        return self._translation

    def _take(self, translation: Translation, message: dict[str, Any]) -> None:
        before = self.event_count
        try:
            self._intake.take(translation.take(message), self._artifact.size)
        except NoEvent as error:
            self._artifact.troubles.add(f"event {message.get('counter')}", str(error))
        if self.event_count != before:
            self._seen(self.event_count)
