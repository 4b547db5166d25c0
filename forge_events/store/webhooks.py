# SPDX-License-Identifier: Apache-2.0
"""The webhooks of job templates, and what has been sent to them in the last thirty days."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from forge_events.errors import NameTaken, UnknownWebhook
from forge_events.store.served import deliveries, webhooks
from forge_events.webhooks.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from forge_events.store.database import Database

__all__ = ["Keys", "Received", "Webhooks"]

_COLUMNS = [webhooks.c[name] for name in Webhook.model_fields]
_KEPT = datetime.timedelta(days=30)
_GRACE = datetime.timedelta(hours=24)


class Keys(NamedTuple):
    """What proves a delivery, sealed.

    :param old: the key of before a rotation; None once it is not valid any more.
    """

    new: str
    old: str | None


class Received(NamedTuple):
    """What was decided about a delivery.

    :param outcome: ``launched``, ``ignored`` because it is not wanted, or ``refused`` because it cannot be launched.
    """

    guid: str
    received: datetime.datetime
    event: str
    ref: str
    outcome: str
    reason: str = ""
    job_id: int | None = None


class Webhooks:
    """The webhooks of job templates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, webhook: Webhook, sealed_key: str) -> Webhook:
        """Add a webhook and return it with its id.

        :raises NameTaken: the template has one of this service.
        """
        values = {**webhook.model_dump(exclude={"id"}), "sealed_key": sealed_key}
        with self._database.writing(is_durable=True) as connection:
            try:
                new = connection.execute(insert(webhooks).values(values).returning(webhooks.c.id)).scalar_one()
            except IntegrityError as error:
                raise NameTaken("webhook", webhook.service) from error
            return _one(connection, webhooks.c.id == new)

    def get(self, template_id: int, service: str) -> Webhook:
        """Return the webhook that a template has of a service.

        :raises UnknownWebhook: it has none.
        """
        with self._database.reading() as connection:
            return _one(connection, _of(template_id, service), service)

    def all(self, template_id: int | None = None) -> list[Webhook]:
        """Return all webhooks, or those of a template, by id."""
        wanted = select(*_COLUMNS).order_by(webhooks.c.id)
        if template_id is not None:
            wanted = wanted.where(webhooks.c.template_id == template_id)
        with self._database.reading() as connection:
            return [Webhook.model_validate(dict(row)) for row in connection.execute(wanted).mappings()]

    def replace(self, webhook: Webhook) -> Webhook:
        """Store what has become of a webhook; its key stays.

        :raises UnknownWebhook: it is gone.
        """
        values = webhook.model_dump(exclude={"id", "template_id", "service", "created"})
        with self._database.writing(is_durable=True) as connection:
            connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(values))
            return _one(connection, webhooks.c.id == webhook.id, webhook.service)

    def keys(self, webhook: Webhook, now: datetime.datetime) -> Keys:
        """Return the keys that are valid now, sealed."""
        columns = (webhooks.c.sealed_key, webhooks.c.old_sealed_key, webhooks.c.old_key_until)
        with self._database.reading() as connection:
            row = connection.execute(select(*columns).where(webhooks.c.id == webhook.id)).first()
        if row is None:
            raise UnknownWebhook(webhook.service)
        is_valid = row.old_key_until is not None and now < row.old_key_until
        return Keys(row.sealed_key, row.old_sealed_key if is_valid else None)

    def rotate(self, webhook: Webhook, sealed_key: str, now: datetime.datetime) -> None:
        """Give a webhook another key; the one before stays valid for a day."""
        values = {
            "old_sealed_key": webhooks.c.sealed_key,
            "old_key_until": now + _GRACE,
            "sealed_key": sealed_key,
            "modified": now,
        }
        with self._database.writing(is_durable=True) as connection:
            if not connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(values)).rowcount:
                raise UnknownWebhook(webhook.service)

    def delete(self, webhook: Webhook) -> None:
        """Delete a webhook, with what is known of its deliveries; jobs stay."""
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(deliveries).where(deliveries.c.webhook_id == webhook.id))
            connection.execute(delete(webhooks).where(webhooks.c.id == webhook.id))

    def delivery(self, webhook: Webhook, guid: str) -> Received | None:
        """Return what was decided about a delivery, None if it has not come before."""
        found = self._deliveries((deliveries.c.webhook_id == webhook.id) & (deliveries.c.guid == guid), limit=1)
        return found[0] if found else None

    def deliveries(self, webhook: Webhook, *, limit: int = 50) -> list[Received]:
        """Return what was decided about deliveries, newest first."""
        return self._deliveries(deliveries.c.webhook_id == webhook.id, limit=limit)

    def record(self, webhook: Webhook, received: Received) -> bool:
        """Write down what was decided; return False if somebody has done so for the same delivery."""
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(deliveries).where(deliveries.c.received < received.received - _KEPT))
            try:
                with connection.begin_nested():
                    connection.execute(insert(deliveries).values(webhook_id=webhook.id, **received._asdict()))
            except IntegrityError:
                return False
        return True

    def _deliveries(self, where: ColumnElement[bool], *, limit: int) -> list[Received]:
        columns = [deliveries.c[name] for name in Received._fields]
        wanted = select(*columns).where(where).order_by(deliveries.c.received.desc(), deliveries.c.guid).limit(limit)
        with self._database.reading() as connection:
            return [Received(*row) for row in connection.execute(wanted)]


def _of(template_id: int, service: str) -> ColumnElement[bool]:
    return (webhooks.c.template_id == template_id) & (webhooks.c.service == service)


def _one(connection: Connection, where: ColumnElement[bool], service: str = "") -> Webhook:
    row = connection.execute(select(*_COLUMNS).where(where)).mappings().first()
    if row is None:
        raise UnknownWebhook(service)
    return Webhook.model_validate(dict(row))
