// Which events are walked through, and in which order.
"use strict";

(function (app) {
  const filters = { pair: "", state: "all", order: "doubt" };
  let rows = []; // the list as filtered now
  let place = 0; // where in it we stand, or stood

  app.openList = function () {
    const names = ["row", "event_id", "label", "predicted", "doubt", "suspect", "start_time"];
    app.entries = app.about.events.map((values) =>
      Object.fromEntries(names.map((name, i) => [name, values[i]])));
    app.entryOf = new Map(app.entries.map((entry) => [entry.row, entry]));
  };

  app.openFilters = function () {
    const pairs = new Map();
    for (const entry of app.entries) {
      const pair = pairOf(entry);
      pairs.set(pair, (pairs.get(pair) || 0) + 1);
    }
    const select = app.byId("pair");
    select.append(option("", `all (${app.entries.length})`));
    for (const [pair, count] of [...pairs].sort((a, b) => b[1] - a[1])) {
      const [label, predicted] = JSON.parse(pair);
      const words = label === predicted ? `${label}, undoubted` : `${label} → ${predicted}`;
      select.append(option(pair, `${words} (${count})`));
    }
    Object.assign(filters, JSON.parse(app.read("filters") || "{}"));
    for (const name of Object.keys(filters)) {
      const control = app.byId(name);
      control.value = filters[name];
      if (control.selectedIndex < 0) control.selectedIndex = 0;
      filters[name] = control.value;
      control.addEventListener("change", () => {
        filters[name] = control.value;
        app.write("filters", JSON.stringify(filters));
        control.blur();
        app.refreshList();
        app.show(rows.length ? rows[0] : app.current && app.current.row);
      });
    }
    app.refreshList();
  };

  function option(value, words) {
    const made = app.element("option", "", words);
    made.value = value;
    return made;
  }

  const pairOf = (entry) => JSON.stringify([entry.label, entry.predicted]);

  app.refreshList = function () {
    const doubt = (entry) => (entry.doubt === null ? -1 : entry.doubt);
    const orders = {
      doubt: (a, b) => doubt(b) - doubt(a) || a.row - b.row,
      least: (a, b) => doubt(a) - doubt(b) || a.row - b.row,
      row: (a, b) => a.row - b.row,
      time: (a, b) => (a.start_time < b.start_time ? -1 : a.start_time > b.start_time ? 1 : 0),
    };
    rows = app.entries
      .filter((entry) => !filters.pair || pairOf(entry) === filters.pair)
      .filter((entry) => stateFits(app.decisionOf(entry.row)))
      .sort(orders[filters.order])
      .map((entry) => entry.row);
  };

  function stateFits(decision) {
    if (filters.state === "all") return true;
    if (filters.state === "undecided") return !decision;
    if (filters.state === "decided") return Boolean(decision);
    return Boolean(decision) && decision.action === filters.state;
  }

  // Remember where an event stands; decided ones may have left the list.
  app.standAt = function (row) {
    const found = rows.indexOf(row);
    if (found >= 0) place = found;
  };

  app.rowsAround = () => [rows[place + 1], rows[place + 2], rows[place - 1]]
    .filter((row) => row !== undefined);

  app.firstRow = () => rows.find((row) => !app.decisionOf(row)) ?? rows[0];

  app.rowBeside = function (step, current) {
    const found = rows.indexOf(current);
    // If the current event has left the list, the next one has moved into its place.
    const from = found >= 0 ? found : step > 0 ? place - 1 : place;
    return rows[from + step];
  };

  app.edgeRow = (last) => rows[last ? rows.length - 1 : 0];

  app.nextUndecided = function (current) {
    const found = rows.indexOf(current);
    const start = found >= 0 ? found + 1 : place;
    const order = [...rows.slice(start), ...rows.slice(0, start)];
    return order.find((row) => row !== current && !app.decisionOf(row));
  };

  app.placeWords = function (row) {
    const found = rows.indexOf(row);
    if (found >= 0) return `${found + 1} of ${rows.length}`;
    return rows.length ? `not in the list of ${rows.length}` : "the list is empty";
  };
})(window.seisclf);
