# SPDX-License-Identifier: Apache-2.0
"""Take in what ansible-runner and ansible-navigator leave behind or say while they run.

Every source (an artifact, a worker's stream, the handlers of a running ``ansible_runner.run``) says the same things,
one JSON object after the other; :mod:`~forge_events.ingestion.runner.translation` turns these *messages* into the lines
of a spool. Nothing here imports ansible-runner.
"""
