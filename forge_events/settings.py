# SPDX-License-Identifier: Apache-2.0
"""The settings: the only place that reads the environment.

Each setting is a variable ``FORGE_EVENTS_`` and its name in capitals; one that is empty counts as unset. The callback
plugin, which has the standard library only, reads those that it needs by itself.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from forge_events.errors import InvalidSettings
from forge_events.nodes import named
from forge_events.user import data_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "broadcast_secret", "broker_url", "given", "load"]

_PREFIX = "FORGE_EVENTS_"
_SHARED_NAME = "FORGE_BROADCAST_WEBSOCKET_SECRET"
_LOST_BEATS = 3

# Up to what a calendar can add to a date.
Seconds = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]


def _default_home() -> Path:
    return data_folder(os.environ)


def _homeless(tilde: str) -> str:
    return "this user has no home folder, so ~ leads nowhere" if tilde == "~" else f"nobody is called {tilde}"


def _home(found: dict[str, Any]) -> Path:
    # A home that was refused is not among what was found; then what stands here is never used.
    home: Path = found.get("home", Path())
    return home


class Settings(BaseModel):
    """All settings, frozen; ``model_fields`` has the description of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(
        default_factory=_default_home,
        description="The folder of everything that has no setting of its own.",
    )
    database_url: str = Field(
        default_factory=lambda found: f"sqlite:///{_home(found) / 'events.db'}",
        description="The database: sqlite:/// and the path of a file, which is made if it is missing; or postgresql://.",
    )
    spool_dir: Path = Field(
        default_factory=lambda found: _home(found) / "spool",
        description="The folder that the callback plugin writes to and the receiver reads from.",
    )

    say_why: bool = Field(
        default=True,
        description="Whether `record` and `run` end with why a job failed, on a terminal.",
    )

    node: str = Field(
        default_factory=lambda: platform.node() or "localhost",
        description="The name of this machine as a node.",
    )
    heartbeat: Seconds = Field(
        default=10.0,
        description="After how many seconds a dispatcher says again that it and its node are there.",
    )
    node_lost_after: Seconds = Field(
        default_factory=lambda found: _LOST_BEATS * found.get("heartbeat", 10.0),
        description="After how many seconds a node that is not seen counts as lost; more than the heartbeat.",
    )
    job_lease: Seconds = Field(
        default=300.0,
        description="After how many seconds the running jobs of a lost node are ended as error.",
    )
    impact: Literal["hosts", "forks"] = Field(
        default="hosts",
        description="What a job takes of its node's capacity: hosts, the smaller number of its hosts and its forks, "
        "and one more; or forks, its forks alone.",
    )
    work_dir: Path = Field(
        default_factory=lambda found: _home(found) / "work",
        description="The folder in which each job that runs has a folder of its own.",
    )
    container_engine: Literal["podman", "docker"] = Field(
        default="podman",
        description="What runs execution environments: podman or docker.",
    )
    container_pull: Literal["missing", "always", "never"] = Field(
        default="missing",
        description="When the image of an execution environment is fetched from its registry: if it is missing on this "
        "machine, always before a job, or never.",
    )
    container_auth_file: Path | None = Field(
        default=None,
        description="The file with credentials for registries, as podman login writes it, or docker's config.json; "
        "unset, the engine finds its own.",
    )

    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="After how many days dispatchers drop jobs that have ended; unset, nothing is dropped by itself.",
    )
    broker_url: str | None = Field(
        default=None,
        repr=False,
        description="Redis for Celery's messages, redis:// or rediss://; unset, the database alone wakes dispatchers.",
    )
    receptor_socket: Path | None = Field(
        default=None,
        description="The control socket of this machine's Receptor, which doctor looks at; unset, there is none.",
    )

    secret_key_file: Path = Field(
        default_factory=lambda found: _home(found) / "secret.key",
        description="The file with the key that seals secrets in the database; made when it is needed first. Machines "
        "that share a database share it, too.",
    )

    @field_validator("secret_key_file")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("home", "spool_dir", "work_dir")
    @classmethod
    def _folder(cls, path: Path) -> Path:
        try:
            # As the plugin does it; resolve() would follow links, which may lead elsewhere tomorrow.
            folder = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100
        except RuntimeError as error:
            raise ValueError(_homeless(path.parts[0])) from error
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
        return folder

    @field_validator("container_auth_file")
    @classmethod
    def _file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path and path.absolute()

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, url: str | None) -> str | None:
        try:
            is_redis = url is None or (url.startswith(("redis://", "rediss://")) and urlsplit(url).port != 0)
        except ValueError:
            is_redis = False
        if not is_redis:
            raise ValueError("it has to be redis:// or rediss://, a host, a port and the number of a database")
        return url

    @field_validator("node")
    @classmethod
    def _node(cls, name: str) -> str:
        return named(name)

    @field_validator("node_lost_after")
    @classmethod
    def _lost(cls, seconds: float, info: ValidationInfo) -> float:
        heartbeat = info.data.get("heartbeat", 0.0)
        if seconds <= heartbeat:
            raise ValueError(f"it has to be more than {_PREFIX}HEARTBEAT, which is {heartbeat:g} s")
        return seconds


def _given(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what an environment says of the settings; what is empty says nothing."""
    wanted = {name: environ.get(_PREFIX + name.upper(), "") for name in Settings.model_fields}
    return {name: value for name, value in wanted.items() if value}


def load() -> Settings:
    """Read the settings from the environment.

    :raises InvalidSettings: one of them has a value that cannot be.
    """
    try:
        return Settings(**_given(os.environ))
    except ValidationError as error:
        found: dict[str, Any] = dict(error.errors()[0])
        name = _PREFIX + str(found["loc"][0]).upper() if found["loc"] else _PREFIX + "*"
        raise InvalidSettings(name, str(found["msg"]).removeprefix("Value error, ")) from error
    except PermissionError as error:
        raise InvalidSettings(
            f"{_PREFIX}HOME", f"without it, {error.filename} is used, which {error.strerror}"
        ) from error


def given() -> dict[str, str]:
    """Return the variables that settings were given in, as they are; some may be secret."""
    known = {_PREFIX + name.upper() for name in Settings.model_fields} | {_SHARED_NAME}
    return {name: value for name, value in os.environ.items() if name in known and value}


def broker_url() -> str | None:
    """Return the broker's URL alone, for what is not given the settings.

    :raises InvalidSettings: it is none.
    """
    return load().broker_url if os.environ.get(f"{_PREFIX}BROKER_URL") else None


def broadcast_secret() -> str:
    """Return what web and task machines share, ``FORGE_BROADCAST_WEBSOCKET_SECRET``; empty where it is not set."""
    return os.environ.get(_SHARED_NAME, "")
