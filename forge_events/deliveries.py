# SPDX-License-Identifier: Apache-2.0
"""Take in what is sent to a webhook: proven first, then read, and launched once however often it comes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import launching
from forge_events.errors import InvalidLaunch, UnknownTemplate, UnknownWebhook
from forge_events.store.webhooks import Received
from forge_events.webhooks import payloads
from forge_events.webhooks.senders import delivery_of, is_proven
from forge_events.webhooks.webhook import Webhook, variables_of, why_not

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from forge_events.jobs import Job
    from forge_events.sealing import Sealer
    from forge_events.store import Store
    from forge_events.templates import JobTemplate
    from forge_events.webhooks.senders import Delivery

__all__ = ["Answer", "Sent", "deliver"]

_QUEUED, _KNOWN = "Job queued.", "Webhook previously received, aborting."
_NO_PROOF = "This webhook does not exist, or what was sent is not proven to come from who knows its key."
_DUMMY = "a key that nobody has"


class Sent(NamedTuple):
    """One request to a webhook.

    :param template: the name or the id of a job template.
    :param headers: by names in small letters.
    """

    template: str
    service: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered.

    :param status: of HTTP: 202 for what is launched or was before, 200 for what is not wanted, 400 for what cannot be
        read, 403 for what is not proven.
    """

    status: int
    message: str
    job_id: int | None = None


_PONG = Answer(200, "pong")


def deliver(store: Store, sealer: Sealer, sent: Sent, *, counts_hosts: bool = True) -> Answer:
    """Take in a delivery.

    A delivery has one job: its uuid is made of the webhook and the delivery's name, and what was decided is kept.
    So who sends it again, at once or after a fault, launches nothing again.

    :raises StoreUnavailable: nothing is lost if it is sent again.
    """
    now = store.now()
    delivery = delivery_of(sent.service, sent.headers, sent.body)
    if delivery.is_ping and sent.service == "bitbucket_dc":
        return _PONG  # not signed, and tells nothing of what there is
    found = _found(store, sent)
    # As long, whether there is such a webhook or not.
    keys = [_DUMMY] if found is None else _keys(store, sealer, found[1], now)
    if not is_proven(sent.service, sent.headers, sent.body, keys, now) or found is None:
        return Answer(403, _NO_PROOF)
    if delivery.is_ping:
        return _PONG
    try:
        payload = payloads.parsed(sent.body, sent.headers.get("content-type", ""))
    except payloads.Malformed as error:
        return Answer(400, str(error))
    return _decided(store, found, delivery, payload, counts_hosts=counts_hosts)


def _decided(
    store: Store,
    found: tuple[JobTemplate, Webhook],
    delivery: Delivery,
    payload: dict[str, Any],
    *,
    counts_hosts: bool,
) -> Answer:
    template, webhook = found
    if store.webhooks.delivery(webhook, delivery.guid) is not None:
        return Answer(202, _KNOWN)
    what = payloads.what_of(webhook.service, delivery.event, payload)
    received = Received(delivery.guid, store.now(), delivery.event, what.ref, "launched")
    reason = why_not(webhook, delivery.event, what, payload)
    if reason:
        return _told(store, webhook, received._replace(outcome="ignored", reason=reason))
    variables = variables_of(delivery.event, delivery.guid, what, payload)
    try:
        job = _launched(store, template, webhook, delivery.guid, variables, counts_hosts=counts_hosts)
    except InvalidLaunch as error:
        return _told(store, webhook, received._replace(outcome="refused", reason=str(error)))
    return _told(store, webhook, received._replace(job_id=job.id))


def _found(store: Store, sent: Sent) -> tuple[JobTemplate, Webhook] | None:
    try:
        template = store.templates.get(sent.template)
        return template, store.webhooks.get(template.id, sent.service)
    except (UnknownTemplate, UnknownWebhook):
        return None


def _keys(store: Store, sealer: Sealer, webhook: Webhook, now: datetime.datetime) -> Sequence[str]:
    return [sealer.open(sealed) for sealed in store.webhooks.keys(webhook, now) if sealed is not None]


def _launched(
    store: Store,
    template: JobTemplate,
    webhook: Webhook,
    guid: str,
    variables: dict[str, Any],
    *,
    counts_hosts: bool,
) -> Job:
    # The template's owner made the webhook, so its variables need not be asked for; what they hold is a stranger's.
    untrusted = {**template.launch.untrusted_vars, **variables}
    return launching.launch(
        store,
        template.launch.changed(untrusted_vars=untrusted),
        template=template,
        by=f"webhook {webhook.service}",
        counts_hosts=counts_hosts,
        launch_type="webhook",
        job_uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"forge-events:webhook:{webhook.id}:{guid}")),
    )


def _told(store: Store, webhook: Webhook, received: Received) -> Answer:
    """Write down what was decided, and say so; of several at once one has decided it."""
    is_first = store.webhooks.record(webhook, received)
    if received.outcome == "ignored":
        return Answer(200, f"Nothing is launched: {received.reason}.")
    if received.outcome == "refused":
        return Answer(400, f"The job cannot be launched: {received.reason}.")
    return Answer(202, _QUEUED, received.job_id) if is_first else Answer(202, _KNOWN)
