// SPDX-License-Identifier: Apache-2.0
// The keyboard: one letter each, told by "?", and never while somebody types.

const TOLD = [
  ["j k", "next, previous row"], ["n p", "next, previous failure or hit"], ["g G", "to the beginning, to the end"], ["f", "follow the end"],
  ["/", "search"], ["c", "fold all, unfold all"], ["1 2", "tasks, output"], ["?", "this help"],
];

/** @param {Record<string, () => void>} actions what each key does */
export function keys(actions) {
  const help = document.createElement("dialog");
  help.setAttribute("aria-label", "Keys");
  help.innerHTML = `<h2>Keys</h2><table><tbody>${TOLD.map(([key, what]) => `<tr><td>${key.split(" ").map((one) => `<kbd>${one}</kbd>`).join(" ")}</td><td>${what}</td></tr>`).join("")}</tbody></table><form method="dialog"><button>Close</button></form>`;
  document.body.append(help);
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "f" && (event.ctrlKey || event.metaKey) && !event.shiftKey && actions["ctrl+f"]) {
      // The second time it is the browser's own.
      if (/** @type {HTMLElement} */ (document.activeElement).id !== "find") { event.preventDefault(); actions["ctrl+f"](); }
      return;
    }
    const isTyping = event.target instanceof Element && event.target.closest("input, select, textarea");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.key === "?") { help.showModal(); return; }
    const action = actions[event.key];
    if (action) { event.preventDefault(); action(); }
  });
}
