# SPDX-License-Identifier: Apache-2.0
"""``forge-events receiver`` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.cli.conftest import COMMAND
from tests.ingestion.waiting import until

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence


class ReceiverProcess:
    """A receiver that runs; what it prints is in files, so that nothing ever waits for a reader.

    :param place: the folder for what it prints.
    :param before: a command that becomes the receiver.
    """

    def __init__(
        self, place: pathlib.Path, url: str, folder: pathlib.Path, *options: str, before: Sequence[str] = ()
    ) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._out, self._err = place / "stdout", place / "stderr"
        settings = {"FORGE_EVENTS_DATABASE_URL": url, "FORGE_EVENTS_SPOOL_DIR": str(folder)}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            command = [*before, *COMMAND, "receiver", "--verbose", *options]
            self.process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=out, stderr=err)

    @property
    def out(self) -> list[str]:
        return self._out.read_text().splitlines()

    @property
    def err(self) -> list[str]:
        return self._err.read_text().splitlines()

    def until_ready(self) -> ReceiverProcess:
        """Wait until it works, or has ended."""
        until(lambda: self.out or self.process.poll() is not None, told=self.told)
        return self

    def until_told(self, text: str, *, times: int = 1) -> ReceiverProcess:
        """Wait until it has printed something so many times."""
        until(lambda: self._told_times(text) >= times or self.process.poll() is not None, told=self.told)
        assert self._told_times(text) >= times, self.told()
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def told(self) -> str:
        """Return all that it has printed."""
        return "\n".join([*self.out, *self.err])

    def _told_times(self, text: str) -> int:
        return sum(text in line for line in [*self.out, *self.err])
