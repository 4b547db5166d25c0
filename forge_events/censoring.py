# SPDX-License-Identifier: Apache-2.0
"""Keep the secrets of one job out of what is stored of it: its events' data, its output, and the words around it.

Whichever way a job comes in, one :class:`Censor` goes with it. It is told which tasks are under ``no_log``, where they
stand and which host is at them, and which values Ansible has hidden in one place. All that is written goes through it
just before, and has ``********`` for

- a value that was hidden once, wherever it comes again;
- messages that come while a host is at a task under ``no_log``: with ``-vvv`` Ansible shows the command that it runs;
- lines of source beside an error, unless they belong to a task that was announced and hides nothing;
- the errors and warnings above a censored result, which ansible-core does not censor from 2.19 on;
- Ansible's echo of the options that it was given.

Not every value can be looked for everywhere: see :meth:`Censor.learn`. What is shown on the terminal is not touched.

This module imports the standard library and its part only, and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

# By the name that it has in the collection as well.
from ._excerpts import HIDDEN, Excerpts, mentions_no_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["HIDDEN", "MARK", "Censor"]

MARK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""What Ansible puts in the place of a module's argument that the module itself hides."""

_SHORTEST_SECRET = 4
_SHORTEST_SEEN = 6
_SHORTEST_WORD = 8
_LONGEST = 4096
_MOST = 20_000
_MOST_AT_ONCE = 2_000
_SHORTEST_INSIDE = 6
_FEW = 32

# Words that results are full of, and that nobody takes for a password.
_HARMLESS_WORDS = """
none null true false changed failed skipped success successful present absent started stopped restarted reloaded
enabled disabled installed latest localhost ansible default unknown undefined directory password username
administrator postgres 127.0.0.1 127.0.1.1 0.0.0.0 root admin file touch link user group hosts name state
"""
_HARMLESS = frozenset(_HARMLESS_WORDS.split()) | {
    HIDDEN,
    MARK.lower(),
    "non-zero return code",
    "all assertions passed",
    "all items completed",
    "all items skipped",
    "one or more items failed",
    "conditional result was false",
    "module failure",
    "(censored due to no_log)",
    "(traceback unavailable)",
}
# The keys of a result that tell of when and where, not of what.
_UNTOLD_WORDS = """
censored changed failed start end delta rc uid gid owner group mode state size secontext dest path chdir
checksum md5sum ansible_loop_var ansible_index_var ansible_job_id results_file backup_file strip_empty_ends
"""
_UNTOLD = frozenset(_UNTOLD_WORDS.split())
_COMMANDS = frozenset({"cmd", "_raw_params"})
_WORD = re.compile(r"(?<![-\w])(?:--?\w[\w-]*=)?([^\s'\"|;&<>()=]+)")
# A letter before a word that is not of it: the end of a newline as JSON writes it, or of a colour.
_BEFORE_WORD = re.compile(r"(?:\\[nrt]|\x1b\[[0-9;]*m)\Z")
_KINDS = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"), re.compile("[^a-zA-Z0-9]"))

# What an event says of who and where, by which it is found again.
_STRUCTURE = frozenset({"uuid", "playbook_uuid", "play_uuid", "task_uuid", "host", "hosts", "remote_addr"})

_ESCAPE = "\x1b"
_RESET = "\x1b[0m"
_COLOUR = r"(?:\x1b\[[0-9;]*m)"
_SHOWN_COLOUR = re.compile(_COLOUR)
_MESSAGE = re.compile(rf"({_COLOUR}?(?:<[^>\s]*> |\[[A-Z ]+\]: |ERROR! )?)(.*?)({_COLOUR}?\n?)\Z", re.DOTALL)
_ERROR = re.compile(
    rf"^(?P<mark>{_COLOUR}?\[(?:ERROR|WARNING|DEPRECATION WARNING)\]: )"
    rf".*?(?=^{_COLOUR}?(?:(?:fatal|failed|changed|ok|skipping|included|FAILED)\b|\.\.\.ignoring)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_ECHO = re.compile(
    rf"^({_COLOUR}?(?:(?:extra_vars|args|module_args|(?:ssh|sftp|scp)_(?:common|extra)_args): |inventory: (?=[^\n]*=)))"
    rf"[^\n]*?({_COLOUR}?)$|^({_COLOUR}?Starting Ansible Pull at [^\n]*?\d\d:\d\d:\d\d: )[^\n]*?({_COLOUR}?)$",
    re.MULTILINE,
)


class Censor:
    """What one job may not tell. With nothing learned it costs next to nothing.

    ``excerpts`` knows which lines of source may be shown.

    :param has_files: the files that Ansible speaks of are on this machine.
    """

    def __init__(self, *, has_files: bool = False) -> None:
        self._values = _Values()
        self._at_censored: set[str] = set()
        self.excerpts = Excerpts(mentions_no_log if has_files else lambda _file: True)

    @property
    def version(self) -> int:
        """Grows with what is learned."""
        return self._values.count

    def know_host(self, host: str) -> None:
        """Learn that a text is the name of a host, which no secret can make unreadable."""
        self._values.known.add(host)

    def begin(self, host: str, *, is_censored: bool) -> None:
        """Learn that a host begins a task; what is printed until it ends is the task's, or taken for it."""
        (self._at_censored.add if is_censored else self._at_censored.discard)(host)

    def end(self, host: str) -> None:
        """Learn that a host has ended its task."""
        self._at_censored.discard(host)

    def start_play(self) -> None:
        """Learn that no host is at any task."""
        self._at_censored.clear()

    def learn(self, value: Any, *, is_secret: bool = True) -> None:
        """Learn a JSON value that was hidden somewhere; its texts and numbers are hidden from now on.

        :param is_secret: it is known to be a secret: a password that was typed, an argument that a module hides. Then
            four characters are enough. What merely was in a result under ``no_log`` takes six of two kinds (small and
            large letters, digits, others) or eight. Words that results are full of, and names of hosts, stay.
        """
        for text in itertools.islice(_leaves(value, "", skips=not is_secret), _MOST_AT_ONCE):
            if _is_tellable(text, is_secret=is_secret):
                self._values.add(text)

    def learn_command(self, secrets: Iterable[str], echoes: Iterable[str]) -> None:
        """Learn what of a command line is secret, and the words that had to be changed for that."""
        for secret in secrets:
            self.learn(secret)
        for echo in echoes:
            self.learn(echo, is_secret=False)

    def learn_arguments(self, told: Any, given: Any, is_secret: Callable[[str], bool], name: str = "") -> None:
        """Learn the arguments that a module hides, by what it tells of its arguments and what it was given.

        :param is_secret: says of an argument's name whether it is that of a secret.
        """
        if told == MARK:
            self.learn(given, is_secret=is_secret(name))
        elif isinstance(told, dict) and isinstance(given, dict):
            for key in told.keys() & given.keys():
                self.learn_arguments(told[key], given[key], is_secret, key)
        elif isinstance(told, list) and isinstance(given, list):
            for part, own in zip(told, given):  # noqa: B905 - a module may add or drop some
                self.learn_arguments(part, own, is_secret, name)

    def text(self, text: str) -> str:
        """Return a text as it may be stored."""
        if not text:
            return text
        if "Origin: " in text or "appears to be:" in text or "extra_vars: " in text or "Ansible Pull at " in text:
            text = self.excerpts.censor(_ECHO.sub(rf"\1\3{HIDDEN}\2\4", text))
        return self._values.replace(text)

    def message(self, text: str) -> str:
        """Return a message as it may be stored, at the moment when it is printed."""
        return self.hidden_message(text) if self._at_censored and text.strip() else text

    @staticmethod
    def hidden_message(text: str) -> str:
        """Return a message of a task under ``no_log``: whom it is of and what kind it has."""
        found = _MESSAGE.match(text)
        return f"{found[1]}{HIDDEN}{found[3]}" if found else HIDDEN

    def data(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an event's data as it may be stored: the same object where nothing of it is hidden."""
        if not self._values:
            return data
        return {key: part if key in _STRUCTURE else self.value(part) for key, part in data.items()}

    def value(self, value: Any) -> Any:
        """Return a JSON value as it may be stored."""
        if not self._values:
            return value
        if isinstance(value, str):
            return self._values.replace(value)
        if isinstance(value, dict):
            return {self._values.replace(key): self.value(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part) for part in value]
        return HIDDEN if self._values.has_number(value) else value

    def failure(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return a failed result without the lines of source in its messages; the output, too, goes without them."""
        shown = {key: self.excerpts.censor(part) if isinstance(part, str) else part for key, part in result.items()}
        for line in self.excerpts.take_hidden():
            self.learn(line)
        return shown

    @staticmethod
    def hide(text: str, hidden: Any) -> str:
        """Return the output of one event without all that a value is made of, however small that is."""
        forms = {form for leaf in _leaves(hidden, "", skips=False) for form in _forms(leaf)}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text

    @staticmethod
    def hide_errors(text: str) -> str:
        """Return the output of a censored result without the errors and warnings that are shown above it."""
        return _ERROR.sub(_hidden_error, text)


class _Values:
    """Texts that are looked for in other texts. What that takes does not grow with their number.

    ``known`` are texts that stay whatever was learned.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._starts: dict[str, dict[int, set[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._forms)

    def add(self, text: str) -> None:
        """Look for a text from now on, as it is, as JSON and as Python write it."""
        for form in _forms(text):
            if form not in self._forms and len(self._forms) < _MOST:
                self._forms.add(form)
                self._starts.setdefault(form[:_SHORTEST_SECRET], {}).setdefault(len(form), set()).add(form)
                self._pattern = None

    @property
    def count(self) -> int:
        """How many texts are looked for."""
        return len(self._forms)

    def has_number(self, value: Any) -> bool:
        """Return whether a number is one of the texts."""
        return type(value) in (int, float) and f"{value}" in self._forms

    def replace(self, text: str) -> str:
        """Return a text with asterisks in the place of each of the texts, the longest ones first."""
        if not self._forms or len(text) < _SHORTEST_SECRET:
            return text
        if len(self._forms) > _FEW:
            return "".join(self._pieces(text))
        pattern = self._pattern
        if pattern is None:
            longest = sorted(self._forms, key=len, reverse=True)
            pattern = self._pattern = re.compile("|".join(map(re.escape, longest)))
        return pattern.sub(lambda found: HIDDEN if self._hides(text, found.start(), found[0]) else found[0], text)

    def _pieces(self, text: str) -> Iterator[str]:
        """Yield a text in pieces, by what each place of it begins with: one look for each character."""
        starts, size = self._starts, _SHORTEST_SECRET
        done = at = 0
        last = len(text) - size
        while at <= last:
            lengths = starts.get(text[at : at + size])
            length = self._length_at(text, at, lengths) if lengths is not None else 0
            if length:
                yield text[done:at]
                yield HIDDEN
                done = at = at + length
            else:
                at += 1
        yield text[done:]

    def _length_at(self, text: str, at: int, lengths: dict[int, set[str]]) -> int:
        for length in sorted(lengths, reverse=True):
            form = text[at : at + length]
            if form in lengths[length] and self._hides(text, at, form):
                return length
        return 0

    def _hides(self, text: str, at: int, form: str) -> bool:
        """Whether a text is hidden where it stands: not a name, and a short one not inside of a word."""
        if form in self.known:
            return False
        if len(form) >= _SHORTEST_INSIDE:
            return True
        is_open = at == 0 or not text[at - 1].isalnum() or _BEFORE_WORD.search(text, max(0, at - 12), at) is not None
        return is_open and not text[at + len(form) : at + len(form) + 1].isalnum()


def _hidden_error(error: re.Match[str]) -> str:
    mark = error["mark"]
    return f"{mark}{HIDDEN}{_RESET if mark.startswith(_ESCAPE) else ''}\n"


def _forms(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}


def _is_tellable(text: str, *, is_secret: bool) -> bool:
    """Return whether a text is long and odd enough to be looked for in all that a job prints."""
    if text.lower() in _HARMLESS:
        return False
    if is_secret:
        return len(text) >= _SHORTEST_SECRET
    kinds = sum(kind.search(text) is not None for kind in _KINDS)
    return len(text) >= _SHORTEST_WORD or (len(text) >= _SHORTEST_SEEN and kinds > 1)


def _leaves(value: Any, key: str, *, skips: bool) -> Iterator[str]:
    """Yield the texts and numbers that a JSON value is made of, and the lines of long ones.

    :param skips: leave out what tells when and where something was done.
    """
    if isinstance(value, dict):
        for name, part in value.items():
            if not skips or not (name in _UNTOLD or name.startswith("_ansible_")):
                yield from _leaves(part, name, skips=skips)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, key, skips=skips)
    elif isinstance(value, str):
        yield from _texts(value)
        if skips and key in _COMMANDS:
            yield from _words(value)
    elif not isinstance(value, bool) and value is not None:
        yield f"{value}"


def _texts(value: str) -> Iterable[str]:
    lines = [line for line in value.splitlines() if line.strip()]
    stripped = [line.strip() for line in lines]
    return dict.fromkeys(text for text in (value, *lines, *stripped) if text.strip() and len(text) <= _LONGEST)


def _words(command: str) -> Iterator[str]:
    """Yield the words of a command that may be secrets: no paths, no options, and not made of letters alone."""
    for word in _WORD.findall(command):
        if not word.startswith(("/", "-", "~", "$")) and not word.isalpha():
            yield word
