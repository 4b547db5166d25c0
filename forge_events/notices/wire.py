# SPDX-License-Identifier: Apache-2.0
"""Notice whether anything of a message may have left this process.

A library that could not send says that it could not, and little more. Whether the other side may have the message all
the same is seen where every library of Python's comes by: at the sockets, and where processes are started.
"""

from __future__ import annotations

import functools
import smtplib
import socket
import ssl
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Wire"]

_TRIES = frozenset({"socket.getaddrinfo", "socket.connect"})
# What is not written to a socket by one of the methods below, and could carry a message out of here.
_LEAVES = frozenset({"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"})
# The handshake of TLS goes by none of these, and carries no message.
_WRITERS = {
    socket.socket: ("send", "sendall", "sendfile", "sendmsg", "sendto"),
    ssl.SSLSocket: ("send", "sendall", "sendfile", "sendto", "write"),
}


class Wire:
    """What has been seen since :meth:`watch`, which lasts as long as the process.

    :ivar has_tried: an address was looked up, or a connection begun.
    :ivar has_sent: something was written that may be a message, or a process was started that may have one.
    """

    def __init__(self) -> None:
        self.has_tried = self.has_sent = False

    @property
    def is_surely_unsent(self) -> bool:
        """Whether nobody can have the message: there was nobody to reach, as far as can be seen from here.

        Libraries that are not written in Python connect unseen; of those it is never sure.
        """
        return self.has_tried and not self.has_sent

    def watch(self) -> None:
        """Begin to take notice."""
        for kind, names in _WRITERS.items():
            for name in names:
                setattr(kind, name, self._noticed(getattr(kind, name)))
        # The commands of SMTP come before the message: it may still be refused, and nobody has it.
        smtplib.SMTP.putcmd = self._overlooked(smtplib.SMTP.putcmd)  # type: ignore[method-assign]
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[Any, ...]) -> None:
        if event in _TRIES:
            self.has_tried = True
        elif event in _LEAVES:
            self.has_sent = True

    def _noticed(self, write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def noticed(*args: Any, **options: Any) -> Any:
            self.has_sent = True  # before it is: who knows how much of it goes out before it fails
            return write(*args, **options)

        return noticed

    def _overlooked(self, write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def overlooked(*args: Any, **options: Any) -> Any:
            before = self.has_sent
            try:
                return write(*args, **options)
            finally:
                self.has_sent = before

        return overlooked
