# SPDX-License-Identifier: Apache-2.0
"""A compose file: PostgreSQL, Redis, the container that works, and the one that serves."""

from __future__ import annotations

__all__ = ["COMPOSE"]

COMPOSE = """\
# Made by `forge-events supervisord --compose`. POSTGRES_PASSWORD and FORGE_BROADCAST_WEBSOCKET_SECRET (32 characters or
# more) have to be set, in the environment or in a file .env beside this one.
x-forge: &forge
  build:
    context: .
    dockerfile: Containerfile
  image: localhost/forge-events
  restart: unless-stopped
  environment: &environment
    FORGE_EVENTS_HOME: /var/lib/forge-events
    FORGE_EVENTS_DATABASE_URL: postgresql://forge_events:${POSTGRES_PASSWORD:?}@postgres/forge_events
    FORGE_EVENTS_BROKER_URL: redis://redis:6379/0
    FORGE_BROADCAST_WEBSOCKET_SECRET: ${FORGE_BROADCAST_WEBSOCKET_SECRET:?}
  depends_on: [postgres, redis]

services:
  postgres:
    image: docker.io/library/postgres:18
    restart: unless-stopped
    environment:
      POSTGRES_USER: forge_events
      POSTGRES_DB: forge_events
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}
    volumes: ["postgres:/var/lib/postgresql"]

  redis:
    image: docker.io/library/redis:7
    restart: unless-stopped
    command: ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    volumes: ["redis:/data"]

  forge-task:
    <<: *forge
    hostname: forge-task
    # With it, all jobs of this container end: `forge-events node disable forge-task` first, and wait for them.
    stop_grace_period: 1m
    command: ["dispatcher,callback_receiver,wsrelay,receptor", "--relay", "http://forge-web:8052"]
    volumes: ["forge:/var/lib/forge-events"]

  forge-web:
    <<: *forge
    hostname: forge-web
    command: ["web", "--host", "0.0.0.0"]
    ports: ["127.0.0.1:8052:8052"]

volumes:
  postgres: {}
  redis: {}
  forge: {}
"""
