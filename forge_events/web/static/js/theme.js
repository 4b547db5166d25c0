// SPDX-License-Identifier: Apache-2.0
// Light or dark before anything is drawn; and times as the reader's own clock has them.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    root.dataset.theme = localStorage.getItem("theme") || (prefersDark.matches ? "dark" : "light");
  };
  show();
  prefersDark.addEventListener("change", show);

  /** Show times in the reader's zone, and durations that still grow. */
  const tellTimes = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-told])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const isToday = at.toDateString() === new Date().toDateString();
      const day = isToday ? "" : `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")} `;
      time.textContent = day + at.toTimeString().slice(0, 8);
      time.dataset.told = "";
    }
  };
  const lasted = (seconds) => {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    if (seconds < 60) return `${seconds.toFixed(0)} s`;
    const whole = Math.round(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
    return `${hours ? `${hours} h ` : ""}${minutes} min ${hours ? "" : `${whole % 60} s`}`.trim();
  };
  window.forgeEvents = { tellTimes, lasted };

  document.addEventListener("DOMContentLoaded", () => {
    tellTimes(document);
    setInterval(() => {
      for (const one of document.querySelectorAll("[data-since]")) {
        one.textContent = lasted(Math.max(0, (Date.now() - Date.parse(one.dataset.since)) / 1000));
      }
    }, 1000);
    document.getElementById("theme")?.addEventListener("click", () => {
      localStorage.setItem("theme", root.dataset.theme === "dark" ? "light" : "dark");
      show();
    });
  });
})();
