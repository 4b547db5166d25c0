// SPDX-License-Identifier: Apache-2.0
// The list of jobs, kept up while somebody looks at it.

import { calmly, listen } from "./socket.js";

const table = document.getElementById("jobs");

const refresh = calmly(async () => {
  const answer = await fetch(`${location.pathname}?${new URLSearchParams([...new URLSearchParams(location.search), ["rows", ""]])}`);
  if (!answer.ok || answer.redirected) return;
  const body = table.tBodies[0], known = new Set([...body.rows].map((row) => row.dataset.id));
  const focused = document.activeElement?.closest("tr")?.dataset.id;
  body.innerHTML = await answer.text();
  for (const row of body.rows) if (row.dataset.id && !known.has(row.dataset.id)) row.classList.add("fresh");
  if (focused) body.querySelector(`tr[data-id="${CSS.escape(focused)}"] a`)?.focus();
  window.forgeEvents.tellTimes(body);
}, 300);

if ("live" in table.dataset) listen({ jobs: ["status_changed"] }, refresh);
