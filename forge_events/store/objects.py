# SPDX-License-Identifier: Apache-2.0
"""The objects that AWX's clients expect beside jobs: what belongs to what, made, changed and deleted."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from forge_events.errors import NameTaken
from forge_events.store import served

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from forge_events.store.database import Database

__all__ = ["Catalogue", "Contents", "Origin"]

_TABLES = {
    "organization": served.organizations,
    "inventory": served.inventories,
    "host": served.hosts,
    "group": served.groups,
    "project": served.projects,
    "label": served.labels,
    "execution_environment": served.environments,
}
_PAIRS = {
    ("group", "hosts"): (served.grouphosts, "group_id", "host_id"),
    ("host", "groups"): (served.grouphosts, "host_id", "group_id"),
    ("group", "children"): (served.groupchildren, "parent_id", "child_id"),
    ("job_template", "labels"): (served.templatelabels, "job_template_id", "label_id"),
    ("job", "labels"): (served.joblabels, "job_id", "label_id"),
}
_ORIGINS = {"job": served.joborigins, "job_template": served.templateorigins}
_MAX_LABELS = 10


class Contents(NamedTuple):
    """What is in an inventory: its variables, rows of hosts and groups, and who belongs to which group, by ids."""

    variables: str
    hosts: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    host_pairs: list[tuple[int, int]]
    child_pairs: list[tuple[int, int]]


class Origin(NamedTuple):
    """The objects that a job or job template names, by id."""

    inventory_id: int | None = None
    project_id: int | None = None
    execution_environment_id: int | None = None
    user_id: int | None = None


class Catalogue:
    """Inventories, hosts, groups, projects, labels and execution environments, and who names them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identity(self) -> str:
        """Return what tells this store from others, from when it was set up; zeros before that."""
        with self._database.reading() as connection:
            founded = connection.scalar(select(func.min(served.organizations.c.created)))
        return str(uuid.UUID(int=0) if founded is None else uuid.uuid5(uuid.NAMESPACE_OID, founded.isoformat()))

    def add(self, model: str, values: Mapping[str, Any], at: datetime.datetime, by: int) -> int:
        """Add an object and return its id.

        :raises NameTaken: there is one of its name.
        """
        table = _TABLES[model]
        row = {**values, "created": at, "modified": at, "created_by": by, "modified_by": by}
        with self._database.writing(is_durable=True) as connection, _taken(model, values):
            found: int = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
            return found

    def change(self, model: str, key: int, values: Mapping[str, Any], at: datetime.datetime, by: int) -> None:
        """Change an object.

        :raises NameTaken: another one has the new name.
        """
        table = _TABLES[model]
        with self._database.writing(is_durable=True) as connection, _taken(model, values):
            connection.execute(update(table).where(table.c.id == key).values(**values, modified=at, modified_by=by))

    def delete(self, model: str, key: int) -> None:
        """Delete an object with what is in it; who names it does so no more."""
        table = _TABLES[model]
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(table).where(table.c.id == key))

    def attach(self, model: str, relation: str, key: int, other: int) -> None:
        """Let one object belong to another; a second call does nothing."""
        table, mine, theirs = _PAIRS[model, relation]
        with self._database.writing() as connection:
            _pair(connection, table, {mine: key, theirs: other})

    def detach(self, model: str, relation: str, key: int, other: int) -> None:
        """Let one object belong to another no more; a label that nobody has is deleted."""
        table, mine, theirs = _PAIRS[model, relation]
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c[mine] == key, table.c[theirs] == other))
            if relation == "labels":
                labels = served.labels
                pairs = (served.joblabels, served.templatelabels)
                unused = [~exists().where(pair.c.label_id == labels.c.id) for pair in pairs]
                connection.execute(delete(labels).where(labels.c.id == other, *unused))

    def related(self, model: str, relation: str, key: int) -> list[int]:
        """Return the ids of what belongs to an object."""
        table, mine, theirs = _PAIRS[model, relation]
        with self._database.reading() as connection:
            wanted = select(table.c[theirs]).where(table.c[mine] == key).order_by(table.c[theirs])
            return list(connection.scalars(wanted))

    def labels_of(self, owner: str, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return for each job or job template how many labels it has, and the first ten."""
        pairs, mine, _ = _PAIRS[owner, "labels"]
        wanted = select(pairs.c[mine], served.labels.c.id, served.labels.c.name).join(
            served.labels, served.labels.c.id == pairs.c.label_id
        )
        found: dict[int, dict[str, Any]] = {each: {"count": 0, "results": []} for each in ids}
        with self._database.reading() as connection:
            of_page = wanted.where(pairs.c[mine].in_(ids)).order_by(pairs.c[mine], served.labels.c.name)
            rows = connection.execute(of_page).all()
        for owner_id, label_id, name in rows:
            own = found[owner_id]
            own["count"] += 1
            if len(own["results"]) < _MAX_LABELS:
                own["results"].append({"id": label_id, "name": name})
        return found

    def sizes(self, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return how many hosts and groups inventories have."""
        counts: list[dict[int, int]] = []
        with self._database.reading() as connection:
            for table in (served.hosts, served.groups):
                owner = table.c.inventory_id
                wanted = select(owner, func.count()).where(owner.in_(ids)).group_by(owner)
                counts.append({row[0]: row[1] for row in connection.execute(wanted)})
        return {each: (counts[0].get(each, 0), counts[1].get(each, 0)) for each in ids}

    def contents(self, inventory_id: int) -> Contents | None:
        """Return what is in an inventory; None where there is none."""
        hosts, groups, own = served.hosts, served.groups, served.inventories
        with self._database.reading() as connection:
            variables = connection.scalar(select(own.c.variables).where(own.c.id == inventory_id))
            if variables is None:
                return None
            rows = [
                [dict(row) for row in connection.execute(_named(table, inventory_id)).mappings()]
                for table in (hosts, groups)
            ]
            mine = select(groups.c.id).where(groups.c.inventory_id == inventory_id)
            pairs = [
                [tuple(row) for row in connection.execute(select(*table.c).where(next(iter(table.c)).in_(mine)))]
                for table in (served.grouphosts, served.groupchildren)
            ]
        return Contents(variables, rows[0], rows[1], pairs[0], pairs[1])

    def name_origin(self, model: str, key: int, origin: Origin, given: Mapping[str, Any] | None = None) -> None:
        """Write down which objects a job or template names, in place of what was written down before."""
        table = _ORIGINS[model]
        values: dict[str, Any] = {f"{model}_id": key, **origin._asdict()}
        if given is not None:
            values["given"] = dict(given)
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c[f"{model}_id"] == key))
            connection.execute(insert(table).values(values))

    def reserve(self, user_id: int, key: str, request: str, job_uuid: str, at: datetime.datetime) -> tuple[str, str]:
        """Return the uuid of the job that a user launches with a key, and what was asked for first.

        :param request: what is asked for now.
        :param job_uuid: the job's, if nobody launched one with the key before.
        """
        table = served.idempotencykeys
        mine = (table.c.user_id == user_id, table.c.key == key)
        new = {"user_id": user_id, "key": key, "request": request, "job_uuid": job_uuid, "created": at}
        with self._database.writing(is_durable=True) as connection:
            try:
                with connection.begin_nested():
                    connection.execute(insert(table).values(new))
            except IntegrityError:
                row = connection.execute(select(table.c.job_uuid, table.c.request).where(*mine)).one()
                return str(row[0]), str(row[1])
        return job_uuid, request


def _named(table: Table, inventory_id: int) -> Any:
    names = [column for column in table.c if column.name in ("id", "name", "variables", "enabled")]
    return select(*names).where(table.c.inventory_id == inventory_id).order_by(table.c.name)


def _pair(connection: Connection, table: Table, values: Mapping[str, int]) -> None:
    same = [table.c[name] == value for name, value in values.items()]
    if connection.scalar(select(func.count()).select_from(table).where(*same)) == 0:
        connection.execute(insert(table).values(dict(values)))


@contextmanager
def _taken(model: str, values: Mapping[str, Any]) -> Iterator[None]:
    """Say in our words that there is another one of the name."""
    try:
        yield
    except IntegrityError as error:
        raise NameTaken(model.replace("_", " "), str(values.get("name", ""))) from error
