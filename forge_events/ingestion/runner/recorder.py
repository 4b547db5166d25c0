# SPDX-License-Identifier: Apache-2.0
"""Record what ansible-runner says while it runs, into the spool: nothing that is slow or down is in its way.

runner reads the process's output only as fast as its handlers return, and gives up five seconds after the process has
ended, with all that it has not read. A line of the spool is one ``write(2)``. The stream of a worker goes the same way.
"""

from __future__ import annotations

import atexit
import datetime
import functools
import io
import logging
import os
import platform
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from forge_events import spool, values
from forge_events.ingestion.runner.events import NoEvent, text_of
from forge_events.ingestion.runner.folder import Trouble, Troubles
from forge_events.ingestion.runner.job import FINAL
from forge_events.ingestion.runner.stream import Stream
from forge_events.ingestion.runner.translation import Origin, Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import BinaryIO

__all__ = [
    "CUT_OFF",
    "JobSpool",
    "RecordedStream",
    "RunnerRecorder",
    "event_handler",
    "finished_callback",
    "record_stream",
    "status_handler",
]

_LOG = logging.getLogger(__name__)


class JobSpool:
    """The spool of one job of ansible-runner; made with the header, which comes with the first event.

    ``job_uuid`` is the job's uuid, None before that.

    :param spool_dir: the folder; made if it is missing.
    """

    def __init__(self, spool_dir: Path, ident: str, *, keeps_environment: bool = False) -> None:
        self._spool_dir = spool_dir
        now = datetime.datetime.now(datetime.UTC)
        here = {"host": platform.node(), "pid": os.getpid(), "recorder_pid": os.getpid()}
        origin = Origin(ident, _text(now), started=now, header=here, keeps_environment=keeps_environment)
        self._translation = Translation(origin)
        self._writer: spool.Writer | None = None
        self.job_uuid: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether runner has said how the job ended."""
        return self._translation.status in FINAL

    def take(self, message: Mapping[str, Any]) -> None:
        """Write what a message makes.

        :raises NoEvent: it is no message. OSError: the spool cannot be written.
        """
        self._write(self._translation.take(message))

    def end(self, explanation: str = "") -> None:
        """Write the end of the job, and close the spool.

        :raises OSError: the spool cannot be written.
        """
        self._write(self._translation.end(_text(datetime.datetime.now(datetime.UTC)), explanation))
        if self._writer is not None:
            self._writer.close()

    def _write(self, lines: Iterable[dict[str, Any]]) -> None:
        for line in lines:
            if "header" in line:
                self._open(line["header"])
            elif self._writer is not None:
                _write(self._writer, line)

    def _open(self, header: dict[str, Any]) -> None:
        self._spool_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.job_uuid = header["job_uuid"]
        self._writer = spool.Writer(str(self._spool_dir / f"{self.job_uuid}{spool.SUFFIX}"))
        self._writer.header(header)


def _write(writer: spool.Writer, line: dict[str, Any]) -> None:
    if "eof" in line:
        writer.eof(line["eof"])
    elif "exit" in line:
        writer.exit(line["exit"])
    else:
        try:
            writer.event(line)
        except (ValueError, TypeError, RecursionError):  # what JSON cannot say, such as NaN
            writer.event(values.plain(line))


class RunnerRecorder:
    """The handlers that record: hand ``event_handler``, ``status_handler`` and ``finished_callback`` to ``run``.

    One recorder serves any number of runs, also at the same time. A fault of the recording is logged and never changes
    a run.

    :param spool_dir: the folder of the spools; None takes the one that the settings name.
    :param keeps_environment: record the environment of the command, without what looks like a secret.
    """

    def __init__(self, spool_dir: Path | None = None, *, keeps_environment: bool = False) -> None:
        self._spool_dir = spool_dir
        self._keeps_environment = keeps_environment
        self._lock = threading.Lock()
        self._jobs: dict[str, JobSpool | None] = {}
        self._of_thread: dict[int, str] = {}
        atexit.register(self.close)

    def event_handler(self, event: dict[str, Any]) -> bool:
        """Record an event; runner writes its own file of it as well."""
        self._take(event)
        return True

    def status_handler(self, status: dict[str, Any], runner_config: Any = None) -> None:  # noqa: ARG002 - runner's
        """Record what runner says of the whole job."""
        self._take(status)

    def finished_callback(self, runner: Any) -> None:
        """Record the end of the job. Without it a job has no exit code, and ends when this process does."""
        thread = threading.get_ident()
        ident = text_of(getattr(getattr(runner, "config", None), "ident", "")) or self._of_thread.get(thread, "")
        with self._lock:
            job = self._jobs.pop(ident, None)
            self._of_thread.pop(thread, None)
        if job is not None:
            self._guard(ident, lambda: _finish(job, getattr(runner, "rc", None)))

    def close(self) -> None:
        """End the jobs that nobody has finished; it is done when the process ends."""
        with self._lock:
            jobs, self._jobs = self._jobs, {}
        for ident, job in jobs.items():
            if job is not None:
                self._guard(ident, functools.partial(_finish, job, None))

    def _take(self, message: dict[str, Any]) -> None:
        thread = threading.get_ident()
        ident = text_of(message.get("runner_ident")) or self._of_thread.get(thread, "")
        self._of_thread[thread] = ident
        self._guard(ident, lambda: self._job(ident, message).take(message))

    def _job(self, ident: str, message: Mapping[str, Any]) -> JobSpool:
        """Return the job of an ident; what says that it starts begins another one."""
        with self._lock:
            job = self._jobs.get(ident)
            if job is None:
                if ident in self._jobs and message.get("status") != "starting":
                    raise _GivenUp
                job = self._jobs[ident] = JobSpool(self._folder(), ident, keeps_environment=self._keeps_environment)
            return job

    def _folder(self) -> Path:
        if self._spool_dir is None:
            from forge_events import settings

            self._spool_dir = settings.load().spool_dir
        return self._spool_dir

    def _guard(self, ident: str, work: Callable[[], None]) -> None:
        """Work; at a fault give the job up, since runner would end the run."""
        try:
            work()
        except _GivenUp:
            pass
        except NoEvent as error:
            _LOG.warning("ansible-runner said what is no event: %s", error)
        except Exception as error:  # noqa: BLE001 - runner lets it through to whoever called run
            _LOG.warning("a job of ansible-runner cannot be recorded whole: %s", type(error).__name__)
            _LOG.debug("the fault", exc_info=error)
            with self._lock:
                self._jobs[ident] = None


class _GivenUp(Exception):
    """The job cannot be recorded, which has been told."""


def _finish(job: JobSpool, rc: Any) -> None:
    job.take({"rc": rc})
    job.end("" if job.is_final else "ansible-runner did not say how the job ended")


def _text(time: datetime.datetime) -> str:
    return time.isoformat(timespec="microseconds")


@functools.cache
def _recorder() -> RunnerRecorder:
    return RunnerRecorder()


def event_handler(event: dict[str, Any]) -> bool:
    """Record an event of ``ansible_runner.run`` to the spool that the settings name; see :class:`RunnerRecorder`."""
    return _recorder().event_handler(event)


def status_handler(status: dict[str, Any], runner_config: Any = None) -> None:
    """Record a status of ``ansible_runner.run`` to the spool that the settings name; see :class:`RunnerRecorder`."""
    _recorder().status_handler(status, runner_config)


def finished_callback(runner: Any) -> None:
    """Record the end of ``ansible_runner.run`` to the spool that the settings name; see :class:`RunnerRecorder`."""
    _recorder().finished_callback(runner)


CUT_OFF = "the stream ended before the worker said that it was whole"


class RecordedStream(NamedTuple):
    """What came of a stream: the uuid of its job, and what of it could not be taken."""

    job_uuid: str
    troubles: Sequence[Trouble]


def record_stream(
    source: BinaryIO | socket.socket | int | str | os.PathLike[str],
    spool_dir: Path,
    *,
    ident: str = "stream",
    keeps_environment: bool = False,
) -> RecordedStream:
    """Record what ``ansible-runner worker`` writes until it ends; the job is in the spool afterwards.

    :param source: a binary file, a socket, a descriptor, or the path of a file or named pipe. What was opened here is
        closed again, anything else left open.
    :param ident: what to call the job where its events do not.
    :raises OSError: the source cannot be read or the spool not be written.
    """
    troubles = Troubles()
    job = JobSpool(Path(spool_dir), ident, keeps_environment=keeps_environment)
    with _opened(source) as file:
        stream = Stream(file, troubles)
        for message in stream.messages():
            try:
                job.take(message)
            except NoEvent as error:
                troubles.add("an event", str(error))
    job.end("" if stream.is_whole else CUT_OFF)
    return RecordedStream(job.job_uuid or "", list(troubles.take()))


def _opened(source: BinaryIO | socket.socket | int | str | os.PathLike[str]) -> BinaryIO:
    """Return a file to read from; closing it closes only what was opened here."""
    if isinstance(source, socket.socket):
        return source.makefile("rb")
    if isinstance(source, int):
        return os.fdopen(source, "rb", closefd=False)
    if isinstance(source, (str, os.PathLike)):
        return Path(source).open("rb")
    return cast("BinaryIO", _Borrowed(source))


class _Borrowed(io.BufferedIOBase):
    """Somebody else's file, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._file.readline(-1 if size is None else size)

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)
