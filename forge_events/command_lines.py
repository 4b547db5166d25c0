# SPDX-License-Identifier: Apache-2.0
"""Tell what of a command line is secret, as argparse understands it: in doubt it is.

Hidden are the values of extra variables, of assignments before a command (``env NAME=VALUE ...``), of options and
``name=value`` pairs with the name of a secret, of options that hold another command's arguments
(``--ssh-common-args``), of JSON arguments, of variables in an inventory's words, what is echoed into a pipe, and what
URLs have of users. A word that is a command line itself, as for ``sh -c``, is looked through like one.

This module imports the standard library only and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from ._excerpts import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["SECRET_NAME", "Censored", "censor_command", "censor_environment", "censor_urls"]

_LONGEST = 32 * 1024
"""Characters of a text that are split into words; a longer one is hidden as a whole."""

SECRET_NAME = re.compile(
    r"pass|pwd|secret|token|key|cred|auth|private|(?:^|[^a-z])(?:pw|pin|psk|otp)(?:$|[^a-z])", re.IGNORECASE
)
"""Names of what is secret."""

_LONG = ("extra-vars", "args", "inventory", "inventory-file", "url")
# These have the name of a secret and take no value, or the path of a file.
_NO_SECRET = re.compile(r"ask-|accept-host-key\Z|no-|verify-|track-")
_PATH_OPTION = re.compile(r"(?:-file|^private-key|^vault-id|^key-file)\Z")
# Letters that may stand before another one in one word, of any Ansible command: they take no value.
_FLAGS = frozenset("vbCDkKJhofRsSN")
_TAKERS = "eai"
# What a shell takes; Ansible's own is harmless.
_SHELL_OPTION = re.compile(r"-[a-z]{0,3}c\Z")

_URL_USER = re.compile(r"(://)(?:([^/@\s]+)|([^/@\s:]+:[^\s@]{0,1024}))@")
_URL_QUERY = re.compile(
    r"([?&;][^=&;\s]*(?:pass|pwd|secret|token|key|cred|auth|sig)[^=&;\s]*=)([^&;#\s]+)", re.IGNORECASE
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_TAKE_PASSWORD = frozenset({"sshpass", "mysql", "mysqldump", "mysqladmin", "mariadb"})
_DEEPEST = 5
_SEPARATORS = frozenset({"|", "||", "&&", "&", ";", "|&", "("})
_BUILTINS = frozenset({"env", "export", "sudo", "exec", "command", "nohup", "time", "nice"})


class Censored(NamedTuple):
    """A command line as it may be stored.

    :param words: its words, with what is hidden as asterisks.
    :param secrets: values of which is known that they are secret.
    :param echoes: words that had to be changed, as they were given; programs repeat them in their errors.
    """

    words: list[str]
    secrets: list[str]
    echoes: list[str]


def censor_command(command: Iterable[str]) -> Censored:
    """Return a command line without its secrets, and these."""
    given = list(command)
    reader = _Reader(0)
    words = reader.read(given)
    echoes = [word for word, shown in zip(given, words, strict=False) if word != shown]
    return Censored(words, reader.secrets, echoes)


def censor_urls(text: str) -> str:
    """Return a text without the users and passwords in its URLs."""
    return _URL_QUERY.sub(rf"\1{HIDDEN}", _URL_USER.sub(rf"\1{HIDDEN}@", text)) if "://" in text else text


def censor_environment(environment: dict[str, Any]) -> dict[str, str]:
    """Return the variables of an environment without the values of secrets by their name, and of URLs."""
    return {
        name: HIDDEN if SECRET_NAME.search(name) else censor_urls(value)
        for name, value in environment.items()
        if isinstance(value, str)
    }


class _Reader:
    """Read one command line and those inside it."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self.secrets: list[str] = []
        self._is_before_program = True
        self._hides_words = False
        self._program = ""

    def read(self, words: list[str]) -> list[str]:
        """Return the words, censored."""
        shown: list[str] = []
        take: Callable[[str], str] | None = None
        for number, word in enumerate(words):
            if take is not None:
                shown.append(self._urls(take(word)))
                take = None
                continue
            take, text = self._word(word, words[number + 1 :])
            shown.append(self._urls(text))
        return shown

    def _word(self, word: str, rest: list[str]) -> tuple[Callable[[str], str] | None, str]:
        """Return what censors the next word, if this one is an option that takes it; and this one, censored."""
        if word in _SEPARATORS or word.endswith(";"):
            self._is_before_program, self._hides_words = True, False
        if word.startswith("--") and len(word) > 2:
            return self._long(word)
        if word.startswith("-") and len(word) > 1:
            return self._short(word)
        if word.startswith("<<<"):
            return None, "<<<" + self._secret(word[3:])
        if self._hides_words:
            return None, self._secret(word)
        return None, self._plain_word(word, rest)

    def _plain_word(self, word: str, rest: list[str]) -> str:
        name, equals, value = word.partition("=")
        program = word.rpartition("/")[2]
        if self._is_before_program and _ASSIGNMENT.match(word):
            return self._variable(name, value)
        if program in ("echo", "printf"):
            self._hides_words = any(mark in ("|", "|&") for mark in rest)
        elif word == "encrypt_string" or program == "sshpass":
            self._hides_words = word == "encrypt_string"
        if program not in _BUILTINS and word not in _SEPARATORS:
            self._program = program if self._is_before_program else self._program
            self._is_before_program = False
        if equals and re.fullmatch(r"[\w.-]+", name) and SECRET_NAME.search(name):
            return self._variable(name, value)
        return self._nested(word)

    def _long(self, word: str) -> tuple[Callable[[str], str] | None, str]:
        name, equals, value = word[2:].partition("=")
        censor = self._of_option(name)
        if censor is None:
            return None, f"--{name}={self._nested(value)}" if equals else word
        return (None, f"--{name}={censor(value)}") if equals else (censor, word)

    def _of_option(self, name: str) -> Callable[[str], str] | None:
        """Return what censors the value of a long option, which may be abbreviated; None for what takes no secret."""
        meant = next((long for long in _LONG if name and long.startswith(name)), "")
        if meant in ("extra-vars", "args"):
            return self._variables if meant == "extra-vars" else self._arguments
        if meant.startswith("inventory"):
            return self._inventory
        if re.match(r"s(?:sh|ftp|cp)-[ce]", name):
            return self._command
        if not SECRET_NAME.search(name) or _NO_SECRET.match(name):
            return None
        return self._path if _PATH_OPTION.search(name) else self._secret

    def _short(self, word: str) -> tuple[Callable[[str], str] | None, str]:
        """Read an option of one letter, that may stand behind others and before its value."""
        if _SHELL_OPTION.match(word):
            return self._nested, word
        position = next((at for at, letter in enumerate(word) if at and letter not in _FLAGS), len(word))
        letter, value = word[position : position + 1], word[position + 1 :]
        if letter in _TAKERS and letter:
            censor = {"e": self._variables, "a": self._arguments, "i": self._inventory}[letter]
            return (None, word[: position + 1] + censor(value)) if value else (censor, word)
        if letter in ("p", "u"):
            censor = self._password if letter == "p" else self._user
            return (None, word[: position + 1] + censor(value)) if value else (censor, word)
        name, equals, attached = word[1:].partition("=")  # as `vault login -token=...` has it
        return None, f"-{name}={self._secret(attached)}" if equals and SECRET_NAME.search(name) else word

    def _variables(self, text: str) -> str:
        """Keep the names of ``key=value`` pairs and the names of files; anything else may hold a secret."""
        if text.startswith("@"):
            return text
        if text.lstrip().startswith(("{", "[")):
            self.secrets += _secrets_of(text)
            return HIDDEN
        shown = []
        for name, equals, value in _pairs(text):
            if equals and SECRET_NAME.search(name):
                self._secret(value)
            shown.append(f"{name}={HIDDEN}" if equals else HIDDEN)
        return " ".join(shown)

    def _arguments(self, text: str) -> str:
        """Hide the values of pairs with the name of a secret, and JSON; a free form is a command line."""
        if text.lstrip().startswith(("{", "[")):
            self.secrets += _secrets_of(text)
            return HIDDEN
        pairs = _pairs(text)
        if not any(equals and SECRET_NAME.search(name) for name, equals, _value in pairs):
            return text if all(equals for _name, equals, _value in pairs) else self._nested(text)
        return " ".join(
            f"{name}={self._secret(value)}" if equals and SECRET_NAME.search(name) else name + equals + value
            for name, equals, value in pairs
        )

    def _inventory(self, text: str) -> str:
        """Hide the values of variables that stand behind hosts."""
        if "=" not in text or "://" in text:
            return text
        return re.sub(r"([\w.-]+)=([^\s,]*)", lambda pair: self._variable(pair[1], pair[2]), text)

    def _nested(self, text: str) -> str:
        """Return a command line that is one word, censored; what cannot be read as one is hidden."""
        if not re.search(r"\s", text):
            return text
        try:
            words = _words(text, punctuation="|&;")
        except ValueError:
            return self._secret(text)
        inner = _Reader(self._depth + 1)
        shown = inner.read(words) if self._depth < _DEEPEST else [HIDDEN]
        self.secrets += inner.secrets
        return text if shown == words else " ".join(shown)

    def _path(self, text: str) -> str:
        """Keep what is the path of a file; a password that was given in its place is hidden."""
        return text if re.search(r"[/~]|^[\w-]*@|\.\w+\Z|\Aprompt\Z", text) else self._secret(text)

    def _password(self, text: str) -> str:
        """Hide what ``-p`` takes, unless it is a port or a path; of few programs it is known to be a password."""
        if re.fullmatch(r"[\d:.]+|[^\s]*/[^\s]*", text) and self._program not in _TAKE_PASSWORD:
            return text
        return self._secret(text) if self._program in _TAKE_PASSWORD else HIDDEN

    def _user(self, text: str) -> str:
        """Hide the password in what ``curl -u`` takes."""
        user, colon, password = text.partition(":")
        return f"{user}:{self._secret(password)}" if colon and not password.isdigit() else text

    def _command(self, text: str) -> str:
        """Hide the whole of another command's arguments, and learn what is secret in it."""
        self._nested(text)
        return HIDDEN

    def _variable(self, name: str, value: str) -> str:
        self._nested(value)
        return f"{name}={self._secret(value) if SECRET_NAME.search(name) else HIDDEN}"

    def _secret(self, value: str) -> str:
        if value != HIDDEN:
            self.secrets.append(value)
        return HIDDEN

    def _urls(self, text: str) -> str:
        if "://" in text:
            for found in _URL_USER.finditer(text):
                self._secret((found[2] or found[3]).partition(":")[2] or found[2])
            for found in _URL_QUERY.finditer(text):
                self._secret(found[2])
        return censor_urls(text)


def _pairs(text: str) -> list[tuple[str, str, str]]:
    try:
        words = _words(text)
    except ValueError:
        return [(HIDDEN, "", "")]
    return [word.partition("=") for word in words]


def _words(text: str, punctuation: str = "") -> list[str]:
    """Split a text as a shell does.

    :raises ValueError: it cannot be split, or is so long that it would take minutes: time grows with the square.
    """
    if len(text) > _LONGEST:
        raise ValueError("it is too long")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=punctuation)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _secrets_of(text: str) -> list[str]:
    """Return the values of a JSON text that have the name of a secret; all of them where it is no JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return list(_named(found, is_secret=False))


def _named(value: Any, *, is_secret: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _named(part, is_secret=is_secret or bool(SECRET_NAME.search(name)))
    elif isinstance(value, list):
        for part in value:
            yield from _named(part, is_secret=is_secret)
    elif is_secret and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield f"{value}"
