# SPDX-License-Identifier: Apache-2.0
"""What Redis says of itself and of the messages that wait."""

from __future__ import annotations

from typing import NamedTuple

import redis

from forge_events.broker.address import uncovered
from forge_events.broker.app import QUEUE

__all__ = ["Facts", "Unreachable", "facts_of"]

_WITHIN = 1.0


class Unreachable(Exception):
    """Redis does not answer, or refuses; the words hold no password."""


class Facts(NamedTuple):
    """What Redis says.

    :param waiting: the messages that nobody has taken, and ``in_hand`` those that a worker has.
    :param evicts: the policy by which it drops messages when its memory is full; empty where it drops none.
    """

    version: str
    waiting: int
    in_hand: int
    evicts: str


def facts_of(url: str) -> Facts:
    """Ask Redis.

    :raises Unreachable: it does not answer.
    """
    try:
        with redis.Redis.from_url(url, socket_timeout=_WITHIN, socket_connect_timeout=_WITHIN) as client:
            info = client.info()
            policy = str(info.get("maxmemory_policy", "noeviction"))
            is_limited = bool(info.get("maxmemory", 0))
            waiting, in_hand = client.llen(QUEUE), client.hlen("unacked")
    except (redis.RedisError, OSError) as error:
        raise Unreachable(uncovered(error, url)) from None
    return Facts(
        str(info["redis_version"]), int(waiting), int(in_hand), policy * (is_limited and policy != "noeviction")
    )
