// SPDX-License-Identifier: Apache-2.0
// What wakes a page: the websocket; where that does not come through, a clock.

const FIRST_PAUSE = 500, LONGEST_PAUSE = 10_000, POLL = 2000, PATIENCE = 3000;

/** The value of a cookie. @param {string} name */
export function cookie(name) {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/**
 * Call `woken` whenever there may be something new, for as long as the page is open. A message only wakes: what is new is
 * asked for, so a lost message, a cut connection or a night asleep costs nothing but time.
 * @param {Record<string, unknown[]>} groups what to be woken by
 * @param {(message: any) => void} woken is given the message, or null when it is only time for a look
 */
export function listen(groups, woken) {
  const notice = document.getElementById("notice");
  let socket = null, pause = FIRST_PAUSE, poll = 0, retry = 0, patience = 0;

  const say = (text) => { notice.textContent = text; notice.hidden = !text; };
  const fallBack = () => {
    if (!poll) poll = setInterval(() => woken(null), POLL);
    say("The live connection does not come through. This page asks every 2 seconds instead.");
  };
  const open = () => {
    clearTimeout(retry);
    patience ||= setTimeout(fallBack, PATIENCE);
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/websocket/`);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.accept) {
        socket.send(JSON.stringify({ groups, xrftoken: cookie("csrftoken") }));
      } else if (message.groups_current) {
        clearInterval(poll); clearTimeout(patience);
        poll = patience = 0; pause = FIRST_PAUSE;
        say("");
        woken(null); // what came while nobody listened
      } else if (!message.error) {
        woken(message);
      }
    };
    socket.onclose = () => {
      socket = null;
      patience ||= setTimeout(fallBack, PATIENCE);
      retry = setTimeout(open, pause);
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    };
  };
  const now = () => { if (!socket) { pause = FIRST_PAUSE; open(); } else { woken(null); } };
  addEventListener("online", now);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) now(); });
  open();
}

/** Call a function soon, and never twice at a time: calls that come meanwhile become one more. @param {() => Promise<void>} work */
export function calmly(work, pause = 150) {
  let isBusy = false, isWanted = false;
  const run = async () => {
    if (isBusy) { isWanted = true; return; }
    isBusy = true;
    try { await work(); } catch (error) { console.warn(error); }
    setTimeout(() => { isBusy = false; if (isWanted) { isWanted = false; run(); } }, pause);
  };
  return run;
}

/** Ask for JSON of this site. @param {string} path @param {Record<string, unknown>} [parameters] @returns {Promise<any>} */
export async function ask(path, parameters = {}, signal = undefined) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const answer = await fetch(given.length ? `${path}?${query}` : path, { signal, headers: { Accept: "application/json" } });
  if (answer.redirected && answer.url.includes("/api/login/")) location.reload();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
