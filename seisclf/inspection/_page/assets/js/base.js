// One global name for the parts of the page, and what all of them use.
"use strict";

window.seisclf = {};

(function (app) {
  app.byId = (id) => document.getElementById(id);

  // All text enters the page here or through textContent: never as HTML.
  app.element = function (tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  app.percent = (p) => (p === null || p === undefined ? "–" : `${Math.round(100 * p)} %`);

  app.warn = function (words) {
    const line = app.byId("warning");
    line.textContent = words;
    line.hidden = !words;
  };

  app.randomName = function () {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  };
})(window.seisclf);
