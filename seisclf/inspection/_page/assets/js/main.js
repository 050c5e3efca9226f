// Start.
"use strict";

(function (app) {
  // Names of experts are remembered for all review pages of this browser.
  const NAME = "seisclf-review:name";

  function rememberedName() {
    try {
      return localStorage.getItem(NAME) || "";
    } catch {
      return "";
    }
  }

  function rememberName(name) {
    try {
      localStorage.setItem(NAME, name);
    } catch {
      // Then it is asked again next time.
    }
  }

  // Resolves when the dialog has been closed.
  function ask() {
    const dialog = app.byId("who");
    const field = app.byId("who-name");
    field.value = app.expert || rememberedName();
    dialog.showModal();
    field.select();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(field.value.trim() || app.expert ||
        "anonymous"), { once: true });
    });
  }

  app.askExpert = async function () {
    const name = await ask();
    await become(name);
    app.refreshList();
    app.show(app.current ? app.current.row : app.firstRow());
  };

  async function become(name) {
    app.keepDraft();
    rememberName(name);
    app.setExpert(name);
    app.byId("expert").textContent = name;
    app.byId("expert").title = `${name} decides; click to change`;
    await app.openServer();
  }

  async function start() {
    app.openList();
    app.openStorage();
    app.byId("title").textContent = app.about.title;
    app.byId("title").title = app.about.title;
    app.openPlots();
    app.openKeys();
    await become(app.read("expert") || (await ask()));
    app.openFilters();
    const last = Number(app.read("last") ?? NaN);
    app.show(app.entryOf.has(last) && app.decided() ? last : app.firstRow());
    // Another tab with the same page: what it stores is read here too.
    window.addEventListener("storage", (event) => {
      if (!event.key || !event.key.includes(`:${app.about.id}:d:`)) return;
      app.readDecisions();
      app.refreshList();
      if (app.record && document.activeElement !== app.byId("note")) app.showDecision();
    });
    window.addEventListener("pagehide", app.keepDraft);
  }

  document.addEventListener("DOMContentLoaded", start);
})(window.seisclf);
