// Decisions to files and back; the columns are those that seisclf.inspection.read_decisions reads.
"use strict";

(function (app) {
  const LABELLED = new Set(["keep", "change", "unsure"]);

  app.exportCsv = function () {
    const lines = [app.FIELDS, ...app.ownDecisions().map((d) => app.FIELDS.map((f) => d[f]))];
    const text = lines.map((line) => line.map(quoted).join(",") + "\r\n").join("");
    download(text, "csv", "text/csv");
  };

  app.exportJson = function () {
    const decisions = app.ownDecisions()
      .map((d) => Object.fromEntries(app.FIELDS.map((field) => [field, d[field]])));
    const whole = { format: "seisclf decisions", version: 1, page: app.about.id,
      title: app.about.title, decisions };
    download(JSON.stringify(whole, null, 1) + "\n", "json", "application/json");
  };

  // What a spreadsheet would calculate gets an apostrophe, which read_decisions takes away.
  const FORMULA = /^'*(?:[=@\t\r]|[+-][^(|!]*[(|!])/;

  function quoted(value) {
    let text = String(value);
    if (typeof value === "string" && FORMULA.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function plain(text) {
    return text && text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
  }

  function download(text, suffix, type) {
    const who = app.expert.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "expert";
    const link = app.element("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = `decisions-${who}-${new Date().toISOString().slice(0, 10)}.${suffix}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  app.importFiles = async function (files) {
    const told = [];
    for (const file of files) {
      try {
        const text = await file.text();
        const found = text.trimStart().startsWith("{") || text.trimStart().startsWith("[")
          ? fromJson(text) : fromCsv(text);
        told.push(`${file.name}: ${adoptAll(found)}`);
      } catch (error) {
        told.push(`${file.name} is no file of decisions: ${error.message}`);
      }
    }
    app.readDecisions();
    app.refreshList();
    app.showDecision();
    app.warn(told.join("; "));
  };

  function adoptAll(found) {
    const taken = [];
    let [older, elsewhere] = [0, 0];
    for (const decision of found) {
      const known = app.stored(decision);
      if (known && known.time >= decision.time) {
        older += 1;
        continue;
      }
      app.adopt(decision);
      taken.push(decision);
      if (decision.expert !== app.expert || !app.fits(decision)) elsewhere += 1;
    }
    app.send(...taken);
    let words = `${taken.length} decisions read`;
    if (elsewhere) words += `, ${elsewhere} of them by others or about events not shown here`;
    if (older) words += `, ${older} left out because as new ones are here`;
    return words;
  }

  function fromJson(text) {
    const whole = JSON.parse(text);
    const list = Array.isArray(whole) ? whole : whole.decisions;
    if (!Array.isArray(list)) throw new Error("no list of decisions in it");
    return list.map(checked);
  }

  function fromCsv(text) {
    const [head, ...lines] = csvLines(text.replace(/^\ufeff/, ""));
    const missing = app.FIELDS.filter((field) => !head || !head.includes(field));
    if (missing.length) throw new Error(`no column ${missing.join(", ")}`);
    return lines.map((line) => checked(Object.fromEntries(head.map((f, i) => [f, plain(line[i])]))));
  }

  // Quoted fields may hold commas, line breaks and doubled quotes.
  function csvLines(text) {
    const lines = [];
    let line = [], field = "", inside = false;
    const endField = () => { line.push(field); field = ""; };
    const endLine = () => { endField(); if (line.length > 1 || line[0]) lines.push(line); line = []; };
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (inside) {
        if (c !== '"') field += c;
        else if (text[i + 1] === '"') { field += '"'; i++; }
        else inside = false;
      } else if (c === '"') inside = true;
      else if (c === ",") endField();
      else if (c === "\n") endLine();
      else if (c !== "\r") field += c;
    }
    if (field || line.length) endLine();
    return lines;
  }

  function checked(given) {
    const text = (field) => String(given[field] ?? "").slice(0, 4000);
    const decision = {
      event_id: text("event_id"), row: Number(given.row), old_label: text("old_label"),
      new_label: text("new_label"), confidence: Number(given.confidence), note: text("note"),
      expert: text("expert").slice(0, 200), time: text("time"), seconds: Number(given.seconds),
      action: text("action"),
    };
    if (!Number.isInteger(decision.row) || decision.row < 0) {
      throw new Error(`row ${given.row} is no row`);
    }
    if (!app.ACTIONS.includes(decision.action)) {
      throw new Error(`action ${decision.action} is unknown`);
    }
    if (!(decision.confidence >= 0 && decision.confidence <= 1)) decision.confidence = 1;
    if (!(decision.seconds >= 0)) decision.seconds = 0;
    if (LABELLED.has(decision.action) && !decision.new_label) {
      throw new Error(`row ${decision.row} has no new_label`);
    }
    return decision;
  }
})(window.seisclf);
