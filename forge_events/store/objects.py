# SPDX-License-Identifier: Apache-2.0
"""The objects that AWX's clients expect beside jobs: what belongs to what, made, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from forge_events.store import served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.store.database import Database

__all__ = ["Catalogue"]

_LABELLED = {"job": served.joblabels, "job_template": served.templatelabels}
_MAX_LABELS = 10


class Catalogue:
    """Inventories, hosts, groups, projects, labels and execution environments, and who names them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def labels_of(self, owner: str, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return for each job or job template how many labels it has, and the first ten."""
        pairs = _LABELLED[owner]
        key = pairs.c[f"{owner}_id"]
        wanted = select(key, served.labels.c.id, served.labels.c.name).join(
            served.labels, served.labels.c.id == pairs.c.label_id
        )
        found: dict[int, dict[str, Any]] = {each: {"count": 0, "results": []} for each in ids}
        with self._database.reading() as connection:
            rows = connection.execute(wanted.where(key.in_(ids)).order_by(key, served.labels.c.name)).all()
        for owner_id, label_id, name in rows:
            mine = found[owner_id]
            mine["count"] += 1
            if len(mine["results"]) < _MAX_LABELS:
                mine["results"].append({"id": label_id, "name": name})
        return found
