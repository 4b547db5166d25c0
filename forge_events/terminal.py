# SPDX-License-Identifier: Apache-2.0
"""See what this process writes to its terminal, without changing a byte of it.

``write`` of ``sys.stdout`` and ``sys.stderr`` is shadowed on the two objects themselves: they stay what they are, and
so do their descriptors, buffers and ``isatty``. Each piece of text comes with its origin, which is read off the
stack: text that a callback printed inside Ansible's ``send_callback`` belongs to the event of that call; any other
text is a message of its own, of the kind that the method of Ansible's ``Display`` says. Forked workers write straight
through.

A question goes past the two objects: ``input`` and ``getpass`` write it to the terminal themselves. These two functions
are shadowed in the same way, and what they ask is a message with its newline; what is answered is never looked at.

This module imports the standard library only and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import builtins
import functools
import getpass
import os
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import TextIO

__all__ = ["Piece", "Terminal"]

_REGISTRY = "_forge_events_terminal"

_KINDS = {
    "warning": "warning",
    "_warning": "warning",
    "system_warning": "system_warning",
    "deprecated": "deprecated",
    "_deprecated": "deprecated",
    "error": "error",
    "_error": "error",
    "debug": "debug",
}
"""Methods of Ansible's ``Display`` and the event that a message of theirs is; the outermost one counts."""

# Ansible shows the default of a variable in its question, also where the answer is hidden because it is a secret.
_DEFAULT = re.compile(r" \[.*\]: \Z", re.DOTALL)

# What cannot be encoded is shown by Ansible as one question mark for each run of such characters.
_UNSHOWABLE = re.compile("[\ud800-\udfff]+")


class Piece(NamedTuple):
    """Text that was written in one go.

    :param text: as the terminal was given it, with its newlines.
    :param kind: the name of a message's event (``verbose``, ``warning``, ...); empty for text of a callback.
    :param verbosity: how many ``-v`` a verbose message needs.
    :param thread: identifies the thread that wrote it.
    """

    text: str
    kind: str
    verbosity: int
    thread: int


class Terminal:
    """The capture of this process: at most one, shared by everybody who asks :meth:`of_process`.

    Pieces are kept until somebody takes over with :meth:`hand_to`. ``when_taken`` is called when that happens first.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._origins = _Origins()
        self._kept: list[Piece] = []
        self._sink: Callable[[Piece], None] = self._kept.append
        self.has_taker = False
        self.when_taken: Callable[[], None] | None = None

    @classmethod
    def of_process(cls) -> Terminal:
        """Return the capture of this process, beginning it if nobody has."""
        terminal: Terminal | None = getattr(sys, _REGISTRY, None)
        if terminal is None or terminal.pid != os.getpid():
            terminal = cls()
            for stream in (sys.stdout, sys.stderr):
                terminal._shadow(stream)
            terminal._shadow_question(builtins, "input", _asked_by_input)
            terminal._shadow_question(getpass, "getpass", _asked_by_getpass)
            setattr(sys, _REGISTRY, terminal)
        return terminal

    def hand_to(self, sink: Callable[[Piece], None]) -> None:
        """Give a sink the pieces kept so far, and from now on each one as it is written, on the thread that writes."""
        kept, self._kept = self._kept, []
        self.has_taker = True
        self._sink = sink
        if self.when_taken is not None:
            self.when_taken()
            self.when_taken = None
        for piece in kept:
            sink(piece)

    def release(self) -> None:
        """Keep pieces again until somebody takes over."""
        self._sink = self._kept.append

    @property
    def kept(self) -> tuple[Piece, ...]:
        """The pieces that nobody has taken yet, oldest first."""
        return tuple(self._kept)

    def _shadow(self, stream: TextIO | None) -> None:
        if stream is None:  # the process was started with a closed stdout
            return
        write = stream.write
        pid, getpid = self.pid, os.getpid

        def written(text: str) -> int:
            length = write(text)
            if getpid() == pid and text:
                self._see(text, sys._getframe(1))
            return length

        try:
            stream.write = written  # type: ignore[method-assign]
        except AttributeError:  # not a file but something of an embedding program; its output is its own
            return

    def _shadow_question(self, module: Any, name: str, question_of: Callable[..., str]) -> None:
        ask = getattr(module, name)
        pid, getpid = self.pid, os.getpid

        @functools.wraps(ask)
        def asked(*arguments: Any, **options: Any) -> Any:
            if getpid() == pid:
                try:
                    question = question_of(*arguments, **options)
                except Exception:  # noqa: BLE001 - it is asked wrongly, which whoever is asked says
                    question = ""
                if question:
                    self._see(question + "\n", sys._getframe(1))
            return ask(*arguments, **options)

        setattr(module, name, asked)

    def _see(self, text: str, frame: FrameType) -> None:
        try:
            origin = self._origins.of(frame)
            if origin is not None:
                shown = text if text.isascii() else _UNSHOWABLE.sub("?", text)
                self._sink(Piece(shown, *origin, threading.get_ident()))
        except Exception:  # noqa: BLE001, S110 - whatever goes wrong here, the program that prints must not notice
            pass


def _asked_by_input(question: object = "", /) -> str:
    """Return what ``input`` writes past ``sys.stdout``: it does where both ends are a terminal."""
    is_past = sys.stdin.fileno() == 0 and sys.stdout.fileno() == 1 and os.isatty(0) and os.isatty(1)
    return str.__str__(question) if is_past and isinstance(question, str) else ""


def _asked_by_getpass(prompt: str = "Password: ", stream: object = None, **_: Any) -> str:
    """Return what ``getpass`` writes past ``sys.stderr``: it does where there is a terminal to open."""
    if stream:
        return ""
    os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    return _DEFAULT.sub(" [********]: ", str.__str__(prompt))


class _Origins:
    """Tell who printed, by the functions on the stack. What a function is to that is found once and remembered."""

    HOOK = "hook"
    MARK = "mark"
    VERBOSE = "verbose"

    def __init__(self) -> None:
        self._by_id: dict[int, str | None] = {}
        self._kept: list[CodeType] = []  # so that no id comes to mean another function

    def of(self, frame: FrameType | None) -> tuple[str, int] | None:
        """Return kind and verbosity of what is printed from a frame; None for marks that are not part of the output."""
        kind, verbosity = "verbose", 0
        by_id = self._by_id
        while frame is not None:
            code = frame.f_code
            role = by_id[id(code)] if id(code) in by_id else self._learn(code)
            if role is not None:
                if role == self.HOOK:
                    return "", 0
                if role == self.MARK:
                    return None
                if role == self.VERBOSE:
                    verbosity = _verbosity(frame.f_locals)
                else:
                    kind = role
            frame = frame.f_back
        return kind, verbosity

    def _learn(self, code: CodeType) -> str | None:
        self._kept.append(code)
        role = self._by_id[id(code)] = _role(code.co_name, code.co_filename)
        return role


def _role(name: str, filename: str) -> str | None:
    """Return what a function says of the text that is printed below it, None for nothing."""
    if name == "send_callback" and filename.endswith("task_queue_manager.py"):
        return _Origins.HOOK
    if name == "dump" and "awx_display" in filename:
        return _Origins.MARK  # ansible-runner marks the output for itself
    if name in ("verbose", "_verbose_display") and filename.endswith("display.py"):
        return _Origins.VERBOSE
    return _KINDS.get(name) if filename.endswith("display.py") else None


def _verbosity(variables: dict[str, Any]) -> int:
    level = variables.get("caplevel")
    return level + 1 if isinstance(level, int) else 0
