# SPDX-License-Identifier: Apache-2.0
"""``user`` and ``token``: who may use the API."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import local_time, write_json, write_line, write_table
from forge_events.cli.session import opened
from forge_events.errors import UnknownUser
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.store import Store
    from forge_events.store.accounts import User

__all__ = ["add_to"]

_users = typer.Typer(name="user", help="Say who may use the API.", no_args_is_help=True)
_tokens = typer.Typer(name="token", help="Make and revoke what stands for a user.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
_Owner = Annotated[str, typer.Option("--user", metavar="NAME", help="The user that it stands for.")]
_PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")]
_SHORTEST = 8


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(_users)
    app.add_typer(_tokens)


@_users.command("create")
def create(
    name: _Name,
    *,
    is_admin: Annotated[bool, typer.Option("--admin/--reader", help="Whether they may change things.")] = True,
    has_no_password: Annotated[bool, typer.Option("--no-password", help="They use tokens alone.")] = False,
    reads_stdin: _PasswordStdin = False,
) -> None:
    """Make a user; the password is asked for."""
    password = "" if has_no_password else _hashed(reads_stdin=reads_stdin)
    with opened() as session:
        user = session.store.accounts.add(name, session.store.now(), password=password, is_superuser=is_admin)
    write_line(printable(f"user {user.id}  {user.username}"))


@_users.command("list")
def show_users(*, as_json: Json = False) -> None:
    """List the users by name."""
    with opened() as session:
        found = session.store.accounts.all()
    if as_json:
        write_json([{**user._asdict(), "password": bool(user.password)} for user in found])
        return
    rows = [(u.id, u.username, "admin" if u.is_superuser else "reader", _last(u.last_login)) for u in found]
    write_table(("ID", "NAME", "MAY", "LAST LOGIN"), rows)


@_users.command("passwd")
def passwd(name: _Name, *, reads_stdin: _PasswordStdin = False) -> None:
    """Give a user another password; all their sessions end."""
    password = _hashed(reads_stdin=reads_stdin)
    with opened() as session:
        user = _user(session.store, name)
        session.store.accounts.change(user.id, session.store.now(), password=password)


@_users.command("delete")
def delete(name: _Name) -> None:
    """Delete a user with all tokens and sessions."""
    with opened() as session:
        session.store.accounts.delete(_user(session.store, name).id)


@_tokens.command("create")
def create_token(
    *,
    user: _Owner,
    scope: Annotated[str, typer.Option("--scope", metavar="SCOPE", help="read or write.")] = "write",
    days: Annotated[int, typer.Option("--days", min=1, max=36500, help="After how many days it expires.")] = 365,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")] = "",
) -> None:
    """Make a token and print it, alone on the last line. It cannot be shown again."""
    from forge_events.api.secrets import digest_of, new_token

    if scope not in ("read", "write"):
        raise typer.BadParameter(f"{scope!r} is none of read, write", param_hint="--scope")
    token = new_token()
    with opened() as session:
        owner, now = _user(session.store, user), session.store.now()
        expires = now + datetime.timedelta(days=days)
        session.store.accounts.add_token(owner.id, digest_of(token), now, expires, scope=scope, about=description)
    write_line(token)


@_tokens.command("list")
def show_tokens(*, user: Annotated[str | None, typer.Option("--user", metavar="NAME")] = None) -> None:
    """List tokens without what stands for anybody."""
    with opened() as session:
        owner = None if user is None else _user(session.store, user).id
        names = {each.id: each.username for each in session.store.accounts.all()}
        found = session.store.accounts.tokens(owner)
    rows = [(t.id, names[t.user_id], t.scope, _last(t.expires), _last(t.last_used), t.description) for t in found]
    write_table(("ID", "USER", "SCOPE", "EXPIRES", "LAST USED", "DESCRIPTION"), rows)


@_tokens.command("revoke")
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="The token's id, as `token list` shows.")],
) -> None:
    """Revoke a token: it is good for nothing from now on."""
    with opened() as session:
        if not session.store.accounts.revoke(token_id):
            raise typer.BadParameter(f"there is no token {token_id}", param_hint="ID")


def _user(store: Store, name: str) -> User:
    found = store.accounts.find(name)
    if found is None:
        raise UnknownUser(name)
    return found


def _hashed(*, reads_stdin: bool) -> str:
    from forge_events.api.secrets import Passwords

    if reads_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(password) < _SHORTEST:
        raise typer.BadParameter(f"a password has at least {_SHORTEST} characters", param_hint="Password")
    return Passwords().hash(password)


def _last(time: datetime.datetime | None) -> str:
    return "" if time is None else local_time(time)
