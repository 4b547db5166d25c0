# SPDX-License-Identifier: Apache-2.0
"""The job templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from forge_events.errors import UnknownTemplate
from forge_events.store import names
from forge_events.store.schedules import disable_all
from forge_events.store.schema import templates
from forge_events.templates import JobTemplate

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from forge_events.store.database import Database

__all__ = ["Templates"]

_COLUMNS = [templates.c[name] for name in JobTemplate.model_fields]


class Templates:
    """The job templates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, template: JobTemplate) -> JobTemplate:
        """Add a template and return it with its id.

        :raises InvalidLaunch: a message for somebody cannot be made. NameTaken: there is one of its name.
        """
        new = insert(templates).values(_values(template)).returning(templates.c.id)
        # Jobs refer to the id, so it must not become another template's, not even when the machine loses its power.
        with self._database.writing(is_durable=True) as connection, names.taken("job template", template.name):
            return _by_id(connection, connection.execute(new).scalar_one())

    def get(self, name: str) -> JobTemplate:
        """Return the template of a name, or of an id where none has such a name.

        :raises UnknownTemplate: there is none.
        """
        with self._database.reading() as connection:
            return _find(connection, name)

    def with_id(self, template_id: int) -> JobTemplate | None:
        """Return the template with an id, if it is there."""
        with self._database.reading() as connection:
            return next(iter(_templates(connection, _with_id(template_id))), None)

    def all(self) -> list[JobTemplate]:
        """Return all templates by name."""
        with self._database.reading() as connection:
            return _templates(connection, select(*_COLUMNS).order_by(templates.c.name))

    def replace(self, template: JobTemplate) -> JobTemplate:
        """Store what has become of the template with this id; jobs that were launched before stay as they are.

        :raises InvalidLaunch: as :meth:`add`. UnknownTemplate: there is none. NameTaken: another one has its name.
        """
        new = update(templates).where(templates.c.id == template.id).values(_values(template))
        with self._database.writing(is_durable=True) as connection, names.taken("job template", template.name):
            if not connection.execute(new).rowcount:
                raise UnknownTemplate(template.name)
            return _by_id(connection, template.id)

    def delete(self, name: str) -> None:
        """Delete a template; its jobs stay, and so do its schedules, which are disabled.

        :raises UnknownTemplate: there is none.
        """
        with self._database.writing(is_durable=True) as connection:
            found = _find(connection, name)
            disable_all(connection, found.id, f"its job template {found.name!r} was deleted")
            connection.execute(delete(templates).where(templates.c.id == found.id))


def _values(template: JobTemplate) -> dict[str, Any]:
    names.whole(template.name)
    # Here and not above: Jinja takes its time, and almost nobody who opens a store stores a template.
    from forge_events.notices import rendering

    rendering.check(template.notifications)
    return template.model_dump(exclude={"id"})


def _by_id(connection: Connection, template_id: int) -> JobTemplate:
    return _templates(connection, _with_id(template_id))[0]


def _with_id(template_id: int) -> Select[Any]:
    return select(*_COLUMNS).where(templates.c.id == template_id)


def _find(connection: Connection, name: str) -> JobTemplate:
    """Return the template of a name, or of an id where none has such a name."""
    asked = (_templates(connection, select(*_COLUMNS).where(where)) for where in names.meanings(templates, name))
    found = next((each for each in asked if each), [])
    if not found:
        raise UnknownTemplate(name)
    return found[0]


def _templates(connection: Connection, wanted: Select[Any]) -> list[JobTemplate]:
    return [JobTemplate.model_validate(dict(row)) for row in connection.execute(wanted).mappings()]
