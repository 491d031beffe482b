// Keeps the page honest about its stream: reconnects what hx-sse gives up on, says when the
// figures are old, falls back to asking every 5 s, and lets the clocks go on between messages.
"use strict";
(() => {
  const SILENCE_MS = 12000; // the server says something at least every 5 s
  const POLL_MS = 5000;
  const RETRY_MS = 2000; // after a refused first connection, which hx-sse never retries
  const RETRY_BLOCKED_MS = 30000; // while asking works and the stream does not
  const SECTIONS = "#status, #banner, #announce, #main .column > [id]";

  const root = document.documentElement;
  const words = document.body.dataset;
  const stream = document.getElementById("stream");
  let connection = null; // hx-sse's own record of the open stream
  let heardAt = performance.now();
  let retryAt = Infinity;
  let pollAt = 0;
  let aheadSeconds = 0; // the server's clock minus ours
  let asked = "polling"; // or "full": why this page asks instead of being told

  function show(mode) {
    if (root.dataset.live === mode) return;
    root.dataset.live = mode;
    if (["lost", "parked", "out"].includes(mode)) {
      const sentence = document.querySelector(`.banner.when-${mode} p`);
      document.getElementById("announce").textContent = sentence.textContent;
    }
  }

  // -- the stream

  const isAtRest = () => ["parked", "out"].includes(root.dataset.live);

  function connect() {
    retryAt = performance.now() + RETRY_BLOCKED_MS;
    if (!connection) return htmx.trigger(stream, "needle:connect");
    connection.delayCanceller?.();
    connection.reader?.cancel();
  }

  function heard() {
    heardAt = performance.now();
    retryAt = Infinity;
    show("live");
    // hx-sse pauses only when a tab becomes hidden: tell it about one that was opened hidden.
    if (document.hidden) document.dispatchEvent(new Event("visibilitychange"));
  }

  function failed(event) {
    if (isAtRest()) return;
    const status = event.detail?.status ?? event.detail?.ctx?.response?.status;
    if (status === 401) return signedOut();
    asked = [429, 503].includes(status) ? "full" : "polling";
    if (root.dataset.live !== asked) show("lost");
    const pause = root.dataset.live === asked ? RETRY_BLOCKED_MS : RETRY_MS;
    if (asked === "full") heardAt = Math.min(heardAt, performance.now() - SILENCE_MS - 1); // ask at once
    if (!connection) retryAt = Math.min(retryAt, performance.now() + pause);
  }

  function signedOut() {
    retryAt = Infinity;
    show("out");
    connection?.reader?.cancel();
  }

  function on(target, name, handler) {
    target.addEventListener(name, handler);
  }

  on(stream, "htmx:sse:after:connection", (event) => { connection = event.detail.connection; });
  on(stream, "htmx:sse:after:message", (event) => {
    if (!event.detail.message.event) heard();
  });
  on(stream, "htmx:sse:close", () => { connection = null; });
  on(stream, "htmx:sse:before:connection", (event) => {
    if (root.dataset.live === "out") event.preventDefault();
  });
  on(stream, "needle:signed-out", signedOut);
  on(stream, "needle:parked", () => {
    retryAt = Infinity;
    show("parked");
  });
  for (const name of ["htmx:sse:error", "htmx:error", "htmx:response:error"]) on(stream, name, failed);

  on(document.getElementById("resume"), "click", () => {
    show("connecting");
    heardAt = performance.now();
    connect();
  });
  on(document.getElementById("retry"), "click", () => {
    pollAt = 0;
    connect();
    watch();
  });
  on(document, "visibilitychange", () => {
    if (!document.hidden) heardAt = performance.now();
  });

  // -- asking instead

  async function poll() {
    pollAt = performance.now() + POLL_MS;
    try {
      const signal = AbortSignal.timeout(POLL_MS - 500);
      const answer = await fetch(location.href, { signal, redirect: "manual" });
      if (answer.type === "opaqueredirect") return signedOut(); // to the sign-in page
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (performance.now() - heardAt <= SILENCE_MS) return; // the stream came back meanwhile
      const parts = [...document.querySelectorAll(SECTIONS)].map((part) => `#${part.id}:outerMorph`);
      await htmx.swap({ sourceElement: stream, text, swap: "none", selectOOB: parts.join() });
      show(asked);
    } catch {
      show("lost");
    }
  }

  function watch() {
    const now = performance.now();
    if (document.hidden || isAtRest()) return;
    if (now >= retryAt) connect();
    if (now - heardAt <= SILENCE_MS) return;
    if (root.dataset.live !== asked) show("lost");
    if (now >= pollAt) poll();
    if (retryAt === Infinity) connect();
  }

  // -- clocks: the same words as web/format.py

  function duration(seconds) {
    const whole = Math.max(Math.floor(seconds), 0);
    const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(whole / unit));
    const two = (count) => String(count).padStart(2, "0");
    let text = `${whole} s`;
    if (days) text = `${days} ${words.day}` + (hours % 24 ? ` ${hours % 24} h` : "");
    else if (hours) text = `${hours} h ${two(minutes % 60)}`;
    else if (minutes) text = `${minutes} min` + (whole % 60 ? ` ${two(whole % 60)} s` : "");
    return text.replaceAll(" ", "\u00a0");
  }

  function tick() {
    if (root.dataset.live === "lost" || isAtRest()) return;
    const now = Date.now() / 1000 + aheadSeconds;
    for (const element of document.querySelectorAll("time[data-ago], time[data-for]")) {
      const { ago } = element.dataset;
      const seconds = now - Number(ago ?? element.dataset.for);
      let text = duration(seconds);
      if (ago !== undefined) text = seconds < 1 ? words.now : words.ago.replace("{}", text);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  function refreshed() {
    const { at, title } = document.getElementById("status").dataset;
    aheadSeconds = Number(at) - Date.now() / 1000;
    document.title = title;
    document.getElementById("heard").textContent = new Date().toLocaleTimeString(root.lang, { hourCycle: "h23" });
    tick();
  }

  on(document, "htmx:after:swap", refreshed);
  setInterval(() => {
    watch();
    tick();
  }, 1000);
  show("connecting");
  refreshed();

  // -- the theme changes at once; the server is only told

  on(document.getElementById("theme"), "submit", (event) => {
    event.preventDefault();
    const { value } = event.submitter;
    root.dataset.theme = value;
    for (const button of event.target.elements) button.setAttribute("aria-pressed", button.value === value);
    const body = new URLSearchParams({ theme: value });
    // When it cannot be told, the theme holds until the page is loaded again.
    fetch(event.target.action, { method: "POST", body, redirect: "manual" }).catch(() => {});
  });
})();
