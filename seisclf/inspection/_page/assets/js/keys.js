// From keys and clicks to decisions.
"use strict";

(function (app) {
  const GAIN = 1.5;

  app.decideClass = function (i) {
    const name = app.about.classes[i];
    if (name === undefined) return;
    act(name === app.current.label ? "keep" : "change", name);
  };

  const keep = () => act("keep", app.current.label);
  const unsure = () => act("unsure", app.current.label);
  const drop = () => act("drop", "");

  function act(action, newLabel) {
    if (!app.record) return; // nothing is decided before the event can be seen
    const row = app.current.row;
    const next = app.nextUndecided(row);
    app.decide(app.current, action, newLabel, app.inputs());
    app.refreshList();
    app.warn("");
    if (next === undefined) app.showDecision();
    else app.show(next);
  }

  function undo() {
    const row = app.undo();
    if (row === null) return;
    app.refreshList();
    if (app.entryOf.has(row)) app.show(row);
  }

  // A decided event takes a new note or confidence at once.
  function amend() {
    const decision = app.current && app.record && app.decisionOf(app.current.row);
    if (!decision) {
      app.keepDraft();
      return;
    }
    const { confidence, note } = app.inputs();
    if (confidence === decision.confidence && note === decision.note) return;
    app.decide(app.current, decision.action, decision.new_label,
      { confidence, note, seconds: decision.seconds });
    app.showDecision();
  }

  const move = (step) => app.current && app.show(app.rowBeside(step, app.current.row));

  function confidence(percent) {
    app.setConfidence(percent / 100);
    amend();
  }

  const KEYS = {
    Enter: keep, k: keep, u: unsure, x: drop, Backspace: undo,
    ArrowLeft: () => move(-1), ArrowRight: () => move(1),
    Home: () => app.show(app.edgeRow(false)), End: () => app.show(app.edgeRow(true)),
    n: () => app.byId("note").focus(),
    "?": () => app.byId("help").showModal(),
    c: () => app.nextView(),
    "+": () => app.amplify(GAIN), "=": () => app.amplify(GAIN), "-": () => app.amplify(1 / GAIN), 0: () => app.amplify(0),
  };

  function onKey(event) {
    if (!app.current || document.querySelector("dialog[open]")) return;
    const field = event.target.closest("textarea, select, input:not([type=range], [type=checkbox])");
    if (field) {
      const leaves = event.key === "Escape" || (event.key === "Enter" && event.ctrlKey);
      if (leaves) field.blur();
      return;
    }
    if (event.altKey || event.isComposing) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      if (!event.repeat) undo();
      return;
    }
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let action = KEYS[key];
    // By place, not by sign: French keyboards have the digits above the signs.
    if (digit) {
      const i = Number(digit[1]);
      if (!event.shiftKey) action = () => app.decideClass(i - 1);
      else action = i <= 5 ? () => confidence(20 * i) : undefined;
    }
    // A button or a slider that has the focus keeps its own keys.
    const own = { Enter: "button", ArrowLeft: "[type=range]", ArrowRight: "[type=range]",
      Home: "[type=range]", End: "[type=range]" }[event.key];
    if (!action || (own && event.target.closest(own))) return;
    event.preventDefault();
    // A key held down moves on, but decides only once.
    if (event.repeat && !event.key.startsWith("Arrow")) return;
    action();
  }

  app.openKeys = function () {
    document.addEventListener("keydown", onKey);
    const clicks = {
      keep, unsure, drop, undo, previous: () => move(-1), next: () => move(1),
      "export-csv": app.exportCsv, "export-json": app.exportJson,
      import: () => app.byId("import-file").click(),
      "help-open": () => app.byId("help").showModal(),
      expert: app.askExpert,
    };
    for (const [id, action] of Object.entries(clicks)) {
      app.byId(id).addEventListener("click", () => {
        app.byId(id).blur(); // so that Enter keeps a label, and does not press the button again
        action();
      });
    }
    app.byId("note").addEventListener("change", amend);
    const slider = app.byId("confidence");
    slider.addEventListener("input", () => app.setConfidence(Number(slider.value) / 100));
    slider.addEventListener("change", () => {
      amend();
      slider.blur();
    });
    const chooser = app.byId("import-file");
    chooser.addEventListener("change", async () => {
      await app.importFiles([...chooser.files]);
      chooser.value = "";
    });
  };
})(window.seisclf);
