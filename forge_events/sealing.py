# SPDX-License-Identifier: Apache-2.0
"""Keep secrets in the database that have to be read again: sealed with a key that is in a file of its own.

The seal is Fernet's (AES-128-CBC and HMAC-SHA256). Several keys may stand in the file, a line each: the first seals,
all open, so a key is changed by putting a new one in front.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from forge_events.errors import InvalidSettings

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Sealer"]

_NAME = "FORGE_EVENTS_SECRET_KEY_FILE"


class Sealer:
    """Seal texts and open them again.

    :param file: where the keys are; one that is missing is made when something is sealed first.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def seal(self, text: str) -> str:
        """Return a text that tells nothing of the one that is given.

        :raises InvalidSettings: the key cannot be read or made.
        """
        return self._keys(makes=True).encrypt(text.encode(errors="surrogatepass")).decode()

    def open(self, sealed: str) -> str:
        """Return the text that was sealed.

        :raises InvalidSettings: none of the keys opens it.
        """
        try:
            return self._keys(makes=False).decrypt(sealed.encode()).decode(errors="surrogatepass")
        except InvalidToken:
            raise InvalidSettings(_NAME, "no key in it opens what was sealed with another one") from None

    def _keys(self, *, makes: bool) -> MultiFernet:
        try:
            lines = self._lines(makes=makes)
            return MultiFernet([Fernet(line) for line in lines])
        except (ValueError, UnicodeDecodeError):
            raise InvalidSettings(_NAME, "what stands in it is no key") from None
        except OSError as error:
            raise InvalidSettings(_NAME, error.strerror or str(error)) from error

    def _lines(self, *, makes: bool) -> list[str]:
        try:
            return self._file.read_text("utf-8").split()
        except FileNotFoundError:
            if not makes:
                raise
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(f"{Fernet.generate_key().decode()}\n")
        try:
            os.link(made, self._file)  # whoever was quicker has made the key
        except FileExistsError:
            pass
        finally:
            made.unlink()
        return self._file.read_text("utf-8").split()
