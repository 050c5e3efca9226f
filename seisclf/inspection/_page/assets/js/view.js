// One event on the screen.
"use strict";

(function (app) {
  let clock = { since: 0, spent: 0 };

  app.show = async function (row) {
    if (row === undefined || row === null) return;
    keepDraft();
    const entry = app.entryOf.get(row);
    app.standAt(row);
    app.current = entry;
    app.record = null;
    clock = { since: performance.now(), spent: 0 };
    app.write("last", String(row));
    let record;
    try {
      record = await app.load(row);
    } catch (error) {
      app.warn(`Event ${entry.event_id}: ${error.message}.`);
      return;
    }
    if (app.current !== entry) return; // the reader has moved on meanwhile
    app.record = record;
    showWords(record);
    showClasses(record);
    showNeighbors(record);
    showMetadata(record);
    app.showDecision();
    app.drawPlots();
    document.body.dataset.row = String(row);
    app.prefetch(app.rowsAround());
  };

  function showWords(record) {
    const name = app.byId("event-name");
    name.replaceChildren(app.element("strong", "", record.event_id));
    const time = record.start_time.replace("T", " ").replace(/\.\d*|Z/g, "");
    if (time) name.append(`  ${time} UTC`);
    name.title = `row ${record.row}, ${record.event_id}, ${record.start_time}`;
    app.byId("given").textContent = record.label;
    app.byId("predicted").textContent = record.predicted;
    app.byId("doubt").textContent =
      record.doubt === null ? "" : `doubt ${record.doubt.toFixed(2)}`;
    app.byId("reason").textContent = record.reason;
    app.byId("relevance-note").textContent = record.relevance.length ? "" : record.relevance_note;
  }

  function showClasses(record) {
    const lines = app.about.classes.map((name, i) => {
      const p = record.probabilities[i];
      const line = app.element("button", "class");
      line.type = "button";
      line.dataset.class = name;
      line.title = name;
      const bar = app.element("span", "bar");
      bar.style.width = `${100 * (p || 0)}%`;
      line.append(bar, app.element(i < 9 ? "kbd" : "span", "", i < 9 ? String(i + 1) : ""));
      line.append(app.element("span", "name", name));
      if (name === record.label) line.append(app.element("span", "tag given", "given"));
      if (name === record.predicted) line.append(app.element("span", "tag model", "model"));
      line.append(app.element("span", "number", app.percent(p)));
      line.addEventListener("click", () => {
        line.blur();
        app.decideClass(i);
      });
      return line;
    });
    app.byId("classes").classList.toggle("many", lines.length > 8);
    app.byId("classes").replaceChildren(...lines);
  }

  function showNeighbors(record) {
    const neighbors = record.neighbors || [];
    app.byId("neighbors-title").hidden = !neighbors.length;
    app.byId("neighbors").replaceChildren(...neighbors.map((other) => {
      const line = app.element("button", "neighbor");
      line.type = "button";
      line.disabled = !app.entryOf.has(other.row);
      line.title = `${other.event_id}, distance ${other.distance}` +
        (line.disabled ? "; its label is not doubted" : "; click to show");
      const canvas = app.element("canvas");
      if (other.waveform) app.drawThumbnail(canvas, other.waveform);
      const kind = other.label === record.label ? "same"
        : other.label === record.predicted ? "other" : "";
      line.append(canvas, app.element("span", kind, other.label));
      line.addEventListener("click", () => {
        line.blur();
        app.show(other.row);
      });
      return line;
    }));
  }

  function showMetadata(record) {
    const known = record.metadata.filter(([, value]) => value !== "");
    app.byId("metadata-rows").replaceChildren(...known.map(([name, value]) => {
      const line = app.element("tr");
      line.append(app.element("td", "", name), app.element("td", "", shortened(value)));
      line.title = value;
      return line;
    }));
  }

  // 22.702999114990234 is a number of single precision, and 22.703 all it says.
  const shortened = (value) =>
    /^-?\d+\.\d{7,}$/.test(value) ? String(Number(Number(value).toPrecision(7))) : value;

  // What stands of the decision: chosen button, confidence, note, progress.
  app.showDecision = function () {
    const entry = app.current;
    const decision = app.decisionOf(entry.row);
    const action = decision ? decision.action : "";
    const chosen = action === "change" ? decision.new_label : "";
    for (const line of document.querySelectorAll(".class")) {
      line.classList.toggle("chosen", line.dataset.class === chosen);
    }
    for (const name of ["keep", "unsure", "drop"]) {
      app.byId(name).classList.toggle("chosen", name === action);
    }
    app.setConfidence(decision ? decision.confidence : 1);
    app.byId("note").value = decision ? decision.note : app.read(draftKey(entry)) || "";
    app.byId("decision").textContent = decision ? decisionWords(decision) : "";
    app.byId("position").textContent = app.placeWords(entry.row);
    const [done, all] = [app.decided(), app.entries.length];
    app.byId("progress").max = all;
    app.byId("progress").value = done;
    app.byId("progress-words").textContent =
      done === all ? `all ${all} decided` : `${done} of ${all} decided`;
  };

  function decisionWords(decision) {
    const words = {
      keep: `kept as ${decision.new_label}`,
      change: `changed to ${decision.new_label}`,
      unsure: "unsure",
      drop: "dropped",
    };
    return `Decided: ${words[decision.action]}`;
  }

  app.setConfidence = function (confidence) {
    app.byId("confidence").value = Math.round(100 * confidence);
    app.byId("confidence-words").textContent = app.percent(confidence);
  };

  app.inputs = () => ({
    confidence: Number(app.byId("confidence").value) / 100,
    note: app.byId("note").value.trim(),
    seconds: seconds(),
  });

  // ---- notes written before a decision ---------------------------------------------------------
  const draftKey = (entry) => `n:${app.expert}:${entry.row}:${entry.event_id}`;

  function keepDraft() {
    const entry = app.current;
    if (!entry || !app.record) return;
    const text = app.byId("note").value.trim();
    if (app.decisionOf(entry.row) || !text) app.erase(draftKey(entry));
    else app.write(draftKey(entry), text);
  }
  app.keepDraft = keepDraft;
  app.writeDraft = (entry, text) => text && app.write(draftKey(entry), text);

  // ---- seconds that the event was looked at ----------------------------------------------------
  function seconds() {
    const running = document.hidden ? 0 : performance.now() - clock.since;
    return (clock.spent + running) / 1000;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clock.spent += performance.now() - clock.since;
    else clock.since = performance.now();
  });
})(window.seisclf);
