// What has been decided: kept in this browser at once, one entry per event and expert.
"use strict";

(function (app) {
  app.FIELDS = ["event_id", "row", "old_label", "new_label", "confidence", "note", "expert",
    "time", "seconds", "action"];
  app.ACTIONS = ["keep", "change", "unsure", "drop"];
  const LAST_STEPS = 500;

  let mine = new Map(); // row -> decision of the current expert
  let steps = []; // for undo: {row, before, after}
  let memory = null; // stands in where the browser keeps nothing
  app.expert = "";

  // ---- storage -------------------------------------------------------------------------------
  const prefix = () => `seisclf-review:${app.about.id}:`;
  const keyOf = (d) => `d:${d.expert}:${d.row}:${d.event_id}`;

  app.read = function (key) {
    if (memory) return memory.has(key) ? memory.get(key) : null;
    return localStorage.getItem(prefix() + key);
  };

  app.write = function (key, text) {
    try {
      if (memory) memory.set(key, text);
      else localStorage.setItem(prefix() + key, text);
      return true;
    } catch (error) {
      app.warn(`This browser could not store the decision (${error.name}): export now.`);
      return false;
    }
  };

  app.erase = function (key) {
    if (memory) memory.delete(key);
    else localStorage.removeItem(prefix() + key);
  };

  app.keys = function (start) {
    if (memory) return [...memory.keys()].filter((key) => key.startsWith(start));
    const found = [];
    const whole = prefix() + start;
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(whole)) found.push(key.slice(prefix().length));
    }
    return found;
  };

  app.openStorage = function () {
    try {
      localStorage.setItem(prefix() + "test", "1");
      localStorage.removeItem(prefix() + "test");
    } catch {
      memory = new Map();
      app.warn("This browser keeps nothing for this page: export before you close it.");
    }
  };

  // ---- decisions -----------------------------------------------------------------------------
  app.setExpert = function (name) {
    app.expert = name;
    app.write("expert", name);
    app.readDecisions();
  };

  app.readDecisions = function () {
    mine = new Map();
    for (const key of app.keys(`d:${app.expert}:`)) {
      const decision = parsed(app.read(key));
      if (decision && decision.expert === app.expert && app.fits(decision)) {
        mine.set(decision.row, decision);
      }
    }
    steps = parsed(app.read(`steps:${app.expert}`)) || [];
  };

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // A page that was written again may show other events.
  app.fits = function (decision) {
    const entry = app.entryOf.get(decision.row);
    return entry !== undefined && entry.event_id === decision.event_id;
  };

  app.decisionOf = (row) => mine.get(row);
  app.decided = () => mine.size;

  app.ownDecisions = () => {
    const all = app.keys(`d:${app.expert}:`).map((key) => parsed(app.read(key)));
    const own = all.filter((decision) => decision && decision.expert === app.expert);
    return own.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.row - b.row));
  };

  app.decide = function (entry, action, newLabel, { confidence, note, seconds }) {
    const decision = {
      event_id: entry.event_id, row: entry.row, old_label: entry.label, new_label: newLabel,
      confidence, note, expert: app.expert, time: new Date().toISOString(),
      seconds: Math.round(seconds * 10) / 10, action,
    };
    const before = mine.get(entry.row) || null;
    store(decision);
    remember({ row: entry.row, before });
    app.send(decision);
    return decision;
  };

  // Takes the last step back; returns its row, or null.
  app.undo = function () {
    const step = steps.pop();
    app.write(`steps:${app.expert}`, JSON.stringify(steps));
    if (!step) return null;
    const current = mine.get(step.row);
    if (step.before) {
      const again = { ...step.before, time: new Date().toISOString() };
      store(again);
      app.send(again);
    } else if (current) {
      mine.delete(step.row);
      app.erase(keyOf(current));
      app.writeDraft(app.entryOf.get(step.row), current.note);
      app.send({ ...current, time: new Date().toISOString(), action: "undo" });
    }
    return step.row;
  };

  // A decision from elsewhere: an import, or the server.
  app.adopt = function (decision) {
    if (decision.action === "undo") {
      app.erase(keyOf(decision));
      if (decision.expert === app.expert) mine.delete(decision.row);
      return;
    }
    app.write(keyOf(decision), JSON.stringify(decision));
    if (decision.expert === app.expert && app.fits(decision)) mine.set(decision.row, decision);
  };

  app.stored = (decision) => parsed(app.read(keyOf(decision)));

  function store(decision) {
    mine.set(decision.row, decision);
    app.write(keyOf(decision), JSON.stringify(decision));
  }

  function remember(step) {
    steps.push(step);
    if (steps.length > LAST_STEPS) steps.shift();
    app.write(`steps:${app.expert}`, JSON.stringify(steps));
  }
})(window.seisclf);
