# SPDX-License-Identifier: Apache-2.0
"""The process in which ansible-runner runs one job. It outlives whoever started it.

It is told its plan on stdin and begins with the second line, which comes when the job is ``running`` in the store: who
dies before that has started nothing. What is reported goes to the spool; how it ended goes there, too, and into the
job's folder.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from forge_events.dispatcher.plan import GO, Plan, Verdict, read_verdict, write_verdict
from forge_events.ingestion.runner.recorder import JobSpool
from forge_events.ingestion.runner.told import NoEvent
from forge_events.output import to_text

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

_LOG = logging.getLogger(__name__)
_LONGEST = 500
# What shells, podman and docker end with when they could not start the command, or the container for it.
_NOT_STARTED = frozenset({125, 126, 127})


def main() -> None:
    """Run the job that stdin tells of."""
    plan = Plan.model_validate_json(sys.stdin.buffer.readline())
    import ansible_runner  # takes its time, which passes while the job becomes running

    if sys.stdin.buffer.readline() == GO:
        _Run(plan).make(ansible_runner.run)


class _Run:
    """One run, with what is known of its end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._spool = JobSpool(plan.spool_dir, plan.uuid, uuid=plan.uuid, recorder_pid=plan.recorder_pid)
        self._is_canceled = False
        self._has_stats = False
        self._error = ""
        self._status = ""
        signal.signal(signal.SIGTERM, self._cancel)

    def make(self, run: Any) -> None:
        """Run the job, and say how it ended."""
        rc = None
        try:
            rc = self._called(run).rc
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has ended with it
            _LOG.exception("ansible-runner has failed")
            self._take({"status": "error", "job_explanation": f"ansible-runner failed: {type(error).__name__}"})
        self._end(rc)

    def _called(self, run: Any) -> Any:
        return run(
            **self._plan.options,
            # Where our callback is enabled, too, it stays away: the job is recorded here.
            envvars={**self._plan.variables, "FORGE_EVENTS_RUNNER_PID": str(os.getpid())},
            quiet=True,
            suppress_env_files=True,
            event_handler=self._hear,
            status_handler=self._hear_status,
            cancel_callback=lambda: self._is_canceled,
        )

    def _cancel(self, _number: int, _frame: FrameType | None) -> None:
        self._is_canceled = True

    def _hear(self, event: dict[str, Any]) -> bool:
        self._has_stats |= event.get("event") == "playbook_on_stats"
        text = "".join(to_text([str(event.get("stdout", ""))]))
        if not self._has_stats and ("ERROR" in text or not self._error):
            self._error = text or self._error
        self._take(event)
        return self._plan.keeps_artifacts

    def _hear_status(self, status: dict[str, Any], runner_config: Any = None) -> None:  # noqa: ARG002 - runner's
        self._status = str(status.get("status", ""))
        self._take(status)

    def _take(self, message: dict[str, Any]) -> None:
        try:
            self._spool.take(message)
        except NoEvent as error:
            _LOG.warning("ansible-runner said what is no event: %s", error)
        except OSError as error:  # what cannot be recorded goes on being run
            _LOG.warning("an event cannot be spooled: %s", error.strerror)

    def _end(self, rc: int | None) -> None:
        verdict = read_verdict(self._plan.folder) or self._verdict(rc)
        self._take({"rc": rc})
        if verdict is not None:
            self._take({"status": verdict.status, "job_explanation": verdict.explanation})
        write_verdict(
            self._plan.folder,
            verdict.model_copy(update={"rc": rc}) if verdict else Verdict(status=self._status, rc=rc),
            is_result=True,
        )
        self._spool.end()

    def _verdict(self, rc: int | None) -> Verdict | None:
        """Return what is to be said in place of runner's own word."""
        if self._status != "failed":
            return None
        if rc is None:  # a signal leaves no exit code
            return Verdict(status="error", explanation="ansible-playbook was killed before it came to its end")
        if rc in _NOT_STARTED and not self._has_stats:
            what = "ansible-playbook" if self._plan.image is None else f"a container of {self._plan.image}"
            return Verdict(status="error", explanation=f"{what} could not be started{self._why()}")
        if rc > 0 and not self._has_stats:
            return Verdict(status="failed", explanation=f"Ansible ended with exit code {rc}{self._why()}")
        return None

    def _why(self) -> str:
        words = " ".join(self._error.split())[:_LONGEST]
        return f": {words}" if words else ""


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    main()
