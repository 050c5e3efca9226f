// Behind `seisclf review --serve` every decision also goes to the server; until it has answered,
// the decision waits in this browser and is sent again.
"use strict";

(function (app) {
  const PATIENCE = [1, 2, 4, 8, 15]; // seconds between attempts
  const AT_ONCE = 40;
  let token = "";
  let failures = 0;
  let timer = null;
  let sending = false;
  let count = 0; // keeps the order of decisions within one millisecond

  app.openServer = async function () {
    token = document.querySelector("meta[name=seisclf-server]").content;
    if (token) await app.fetchDecisions();
    show();
    if (token) flush();
  };

  app.send = (...decisions) => {
    if (!token || !decisions.length) return;
    for (const decision of decisions) {
      count += 1;
      const order = `${String(Date.now()).padStart(15, "0")}-${String(count).padStart(6, "0")}`;
      const entry = { uid: app.randomName(), decision };
      app.write(`q:${order}`, JSON.stringify(entry));
    }
    show();
    flush();
  };

  // What this expert decided in another browser; what waits here is newer.
  app.fetchDecisions = async function () {
    const waiting = new Set(queue().map(([, entry]) => entry.decision.row));
    const address = `api/decisions?expert=${encodeURIComponent(app.expert)}`;
    try {
      const answer = await fetch(address, {
        headers: { "X-Seisclf-Token": token },
        signal: AbortSignal.timeout(4000),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { decisions } = await answer.json();
      const known = new Set();
      for (const decision of decisions) {
        known.add(`${decision.row}:${decision.event_id}`);
        if (!waiting.has(decision.row)) app.adopt(decision);
      }
      failures = 0;
      app.send(...app.ownDecisions().filter((decision) =>
        !known.has(`${decision.row}:${decision.event_id}`) && !waiting.has(decision.row)));
    } catch {
      failures += 1;
    }
  };

  function queue() {
    return app.keys("q:").sort().map((key) => [key, JSON.parse(app.read(key))]);
  }

  async function flush() {
    clearTimeout(timer);
    if (sending || !token) return;
    const entries = queue().slice(0, AT_ONCE);
    if (!entries.length) return show();
    sending = true;
    try {
      const body = JSON.stringify({ decisions: entries.map(([, entry]) => entry) });
      const answer = await fetch("api/decisions", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Seisclf-Token": token },
        body,
        keepalive: body.length < 60000, // goes through even if the page is closed now
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { stored, refused } = await answer.json();
      for (const [key, entry] of entries) {
        if (stored.includes(entry.uid)) app.erase(key);
        else if (entry.uid in refused) {
          app.erase(key);
          app.warn(`The server refused a decision (${refused[entry.uid]}); it is kept in this ` +
            "browser and in exports.");
        }
      }
      failures = 0;
    } catch {
      failures += 1;
    }
    sending = false;
    show();
    if (app.keys("q:").length) {
      const wait = failures ? PATIENCE[Math.min(failures, PATIENCE.length) - 1] : 0;
      timer = setTimeout(flush, 1000 * wait);
    }
  }

  function show() {
    const line = app.byId("saved");
    const left = token ? app.keys("q:").length : 0;
    line.classList.toggle("waiting", failures > 0);
    if (!token) line.textContent = "kept in this browser";
    else if (failures) line.textContent = `server away, ${left} waiting here`;
    else if (left) line.textContent = `${left} on the way`;
    else line.textContent = "all saved";
  }
})(window.seisclf);
