# SPDX-License-Identifier: Apache-2.0
"""Ask a process of its own, so that nothing that happens to the answer happens to the one who asks.

A thread cannot be stopped, nor kept from taking all memory; a process can.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["answer", "ask"]

_GRACE = 5


def ask(module: str, question: Mapping[str, Any], *, limit: float, environ: Mapping[str, str] | None = None) -> Any:
    """Return what a module of this package answers.

    :param limit: seconds after which the process is killed.
    :param environ: its environment; None is that of this process.
    :raises TimeoutError: it took too long.
    :raises ChildProcessError: it died, or gave no answer.
    :raises OSError: it could not be started.
    """
    command = [sys.executable, "-P", "-m", module]
    told = json.dumps({"limit": limit, **question})
    try:
        # In a session of its own, Ctrl-C on a terminal does not reach it.
        done = subprocess.run(
            command,
            input=told.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit,
            env=environ,
            start_new_session=True,
            check=True,
        )
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{module} took longer than {limit} s") from error
    except (subprocess.CalledProcessError, ValueError) as error:
        raise ChildProcessError(f"{module} gave no answer") from error


def answer(work: Callable[[Any], Any]) -> None:
    """Read the question, work on it and write the answer; this is what such a module does when it is run."""
    question = json.load(sys.stdin)
    # Whoever asked may have been killed and kills no more.
    signal.alarm(int(question["limit"]) + _GRACE)
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not be taken for the answer
    json.dump(work(question), answers)
    answers.flush()
