# SPDX-License-Identifier: Apache-2.0
"""Who may use the API: users, their tokens and their sessions. No secret is stored, only what it is recognised by."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from forge_events.errors import NameTaken, UnknownUser
from forge_events.store.served import organizations, sessions, tokens, users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.store.database import Database

__all__ = ["Accounts", "Login", "Token", "User"]

_SELDOM = datetime.timedelta(seconds=60)
"""How old the time of the last use is before it is written down anew: reading must not write each time."""


class User(NamedTuple):
    """Somebody who may use the API.

    :param password: argon2's form; empty for one who has no password.
    """

    id: int
    username: str
    password: str
    first_name: str
    last_name: str
    email: str
    is_superuser: bool
    is_system_auditor: bool
    created: datetime.datetime
    modified: datetime.datetime
    last_login: datetime.datetime | None


class Token(NamedTuple):
    """What stands for a user.

    :param scope: ``read``, ``write``, or ``login`` for one that is good for one login.
    """

    id: int
    user_id: int
    description: str
    scope: str
    created: datetime.datetime
    expires: datetime.datetime
    last_used: datetime.datetime | None


class Login(NamedTuple):
    """A login of a browser.

    :param csrf: what a page of ours sends back with each change.
    """

    user_id: int
    csrf: str
    created: datetime.datetime
    last_seen: datetime.datetime


_USER = [users.c[name] for name in User._fields]
_TOKEN = [tokens.c[name] for name in Token._fields]
_SESSION = [sessions.c[name] for name in Login._fields]


class Accounts:
    """The users with their tokens and sessions; these are named by the SHA-256 of their secrets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, username: str, at: datetime.datetime, **values: Any) -> User:
        """Add a user.

        :raises NameTaken: there is one of that name.
        """
        new = insert(users).values(username=username, created=at, modified=at, **values).returning(*_USER)
        with self._database.writing(is_durable=True) as connection, _taken(username):
            if connection.scalar(select(organizations.c.id).limit(1)) is None:
                connection.execute(insert(organizations).values(name="Default", created=at, modified=at))
            return User(*connection.execute(new).one())

    def find(self, username: str) -> User | None:
        """Return the user of a name."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_USER).where(users.c.username == username)).first()
        return None if row is None else User(*row)

    def get(self, user_id: int) -> User | None:
        """Return the user of an id."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_USER).where(users.c.id == user_id)).first()
        return None if row is None else User(*row)

    def all(self) -> list[User]:
        """Return all users by name."""
        with self._database.reading() as connection:
            return [User(*row) for row in connection.execute(select(*_USER).order_by(users.c.username))]

    def change(self, user_id: int, at: datetime.datetime, **values: Any) -> User:
        """Change a user; with a new password, all their sessions end.

        :raises UnknownUser: there is none. NameTaken: another one has the new name.
        """
        new = update(users).where(users.c.id == user_id).values(modified=at, **values).returning(*_USER)
        with self._database.writing(is_durable=True) as connection, _taken(str(values.get("username", ""))):
            row = connection.execute(new).first()
            if row is None:
                raise UnknownUser(str(user_id))
            if "password" in values:
                connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return User(*row)

    def delete(self, user_id: int) -> None:
        """Delete a user with all tokens and sessions."""
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(users).where(users.c.id == user_id))

    def has_password(self) -> bool:
        """Return whether anybody can log in with a password."""
        with self._database.reading() as connection:
            return connection.scalar(select(users.c.id).where(users.c.password != "").limit(1)) is not None

    def add_token(
        self,
        user_id: int,
        digest: str,
        at: datetime.datetime,
        expires: datetime.datetime,
        *,
        scope: str,
        about: str = "",
    ) -> Token:
        """Add a token; those of everybody that have expired are forgotten."""
        values = {"user_id": user_id, "digest": digest, "description": about, "scope": scope}
        new = insert(tokens).values(**values, created=at, modified=at, expires=expires).returning(*_TOKEN)
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(tokens).where(tokens.c.expires <= at, tokens.c.scope == "login"))
            return Token(*connection.execute(new).one())

    def token(self, digest: str, at: datetime.datetime) -> tuple[Token, User] | None:
        """Return a token that is good, with its user, and write down now and then that it was used."""
        wanted = select(*_TOKEN, *_USER).join(users, users.c.id == tokens.c.user_id)
        with self._database.reading() as connection:
            row = connection.execute(wanted.where(tokens.c.digest == digest, tokens.c.expires > at)).first()
        if row is None:
            return None
        found, user = Token(*row[: len(_TOKEN)]), User(*row[len(_TOKEN) :])
        if found.last_used is None or at - found.last_used > _SELDOM:
            with self._database.writing() as connection:
                connection.execute(update(tokens).where(tokens.c.id == found.id).values(last_used=at))
        return found, user

    def tokens(self, user_id: int | None = None) -> list[Token]:
        """Return the tokens of a user, or of all, by id."""
        wanted = select(*_TOKEN).where(tokens.c.scope != "login").order_by(tokens.c.id)
        with self._database.reading() as connection:
            return [
                Token(*row)
                for row in connection.execute(wanted if user_id is None else wanted.where(tokens.c.user_id == user_id))
            ]

    def change_token(self, token_id: int, at: datetime.datetime, **values: Any) -> None:
        """Change a token's description or scope."""
        with self._database.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token_id).values(modified=at, **values))

    def revoke(self, token_id: int) -> bool:
        """Delete a token; return whether it was there."""
        with self._database.writing(is_durable=True) as connection:
            return bool(connection.execute(delete(tokens).where(tokens.c.id == token_id)).rowcount)

    def use_login(self, digest: str, at: datetime.datetime) -> User | None:
        """Return the user of a token that is good for one login, and use it up."""
        mine = (tokens.c.digest == digest, tokens.c.scope == "login", tokens.c.expires > at)
        with self._database.writing(is_durable=True) as connection:
            row = connection.execute(delete(tokens).where(*mine).returning(tokens.c.user_id)).first()
            if row is None:
                return None
            return User(*connection.execute(select(*_USER).where(users.c.id == row[0])).one())

    def open_session(
        self, user_id: int, digest: str, csrf: str, at: datetime.datetime, idle: datetime.timedelta
    ) -> None:
        """Begin a session; those of everybody that are over are forgotten."""
        new = {"digest": digest, "user_id": user_id, "csrf": csrf, "created": at, "last_seen": at}
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.last_seen < at - idle))
            connection.execute(insert(sessions).values(new))
            connection.execute(update(users).where(users.c.id == user_id).values(last_login=at))

    def session(self, digest: str, at: datetime.datetime, idle: datetime.timedelta) -> tuple[Login, User] | None:
        """Return a session that is not over, with its user."""
        wanted = select(*_SESSION, *_USER).join(users, users.c.id == sessions.c.user_id)
        mine = (sessions.c.digest == digest, sessions.c.last_seen >= at - idle)
        with self._database.reading() as connection:
            row = connection.execute(wanted.where(*mine)).first()
        if row is None:
            return None
        found, user = Login(*row[: len(_SESSION)]), User(*row[len(_SESSION) :])
        if at - found.last_seen > _SELDOM:
            with self._database.writing() as connection:
                connection.execute(update(sessions).where(sessions.c.digest == digest).values(last_seen=at))
        return found, user

    def close_session(self, digest: str) -> None:
        """End a session."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))


@contextmanager
def _taken(username: str) -> Iterator[None]:
    """Say in our words that there is another user of the name."""
    try:
        yield
    except IntegrityError as error:
        raise NameTaken("user", username) from error
