# SPDX-License-Identifier: Apache-2.0
"""AWX's REST API, as its clients speak it, over the store.

Routes, OPTIONS and the OpenAPI document come from one table of resources (:mod:`forge_events.api.table`). FastAPI
and what it needs are imported here alone, and come with the extra ``server``.
"""
