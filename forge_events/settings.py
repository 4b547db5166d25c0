# SPDX-License-Identifier: Apache-2.0
"""The settings: the only place that reads the environment.

Each setting is a variable ``FORGE_EVENTS_`` and its name in capitals; one that is empty counts as unset. The callback
plugin, which has the standard library only, finds the same folder by itself.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from platformdirs import user_data_dir
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from forge_events.errors import InvalidSettings

__all__ = ["Settings", "load"]

_PREFIX = "FORGE_EVENTS_"


def _default_home() -> Path:
    return Path(user_data_dir("forge-events", appauthor=False)).absolute()


def _home(found: dict[str, Any]) -> Path:
    # A home that was refused is not among what was found; then what stands here is never used.
    home: Path = found.get("home", Path())
    return home


class Settings(BaseSettings):
    """All settings, frozen; ``model_fields`` has the description of each."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

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

    node: str = Field(default_factory=platform.node, description="x")
    heartbeat: float = Field(default=10, description="x")
    node_lost_after: float = Field(default=30, description="x")
    job_lease: float = Field(default=300, description="x")
    impact: str = Field(default="hosts", description="x")
    artifact_days: float = Field(default=0, description="x")
    work_dir: Path = Field(default_factory=lambda found: _home(found) / "work", description="x")
    container_engine: str = Field(default="podman", description="x")

    @field_validator("home", "spool_dir")
    @classmethod
    def _folder(cls, path: Path) -> Path:
        try:
            # As the plugin does it; resolve() would follow links, which may lead elsewhere tomorrow.
            folder = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100
        except RuntimeError as error:
            raise ValueError(f"nobody is called {path.parts[0]}") from error
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
        return folder


def load() -> Settings:
    """Read the settings from the environment.

    :raises InvalidSettings: one of them has a value that cannot be.
    """
    try:
        return Settings()
    except ValidationError as error:
        found: dict[str, Any] = dict(error.errors()[0])
        name = _PREFIX + str(found["loc"][0]).upper() if found["loc"] else _PREFIX + "*"
        raise InvalidSettings(name, str(found["msg"]).removeprefix("Value error, ")) from error
