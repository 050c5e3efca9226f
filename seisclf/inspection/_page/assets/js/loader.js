// Events come one by one: a script tag works from a file too, where a request does not.
"use strict";

(function (app) {
  const KEPT = 12; // events in memory
  const loaded = new Map();
  const waiting = new Map();

  app.page = (page) => {
    app.about = page;
  };

  // Called by the data scripts.
  app.event = (record) => {
    loaded.set(record.row, record);
  };
  app.neighbors = (row, neighbors) => {
    if (loaded.has(row)) loaded.get(row).neighbors = neighbors;
  };

  app.load = function (row) {
    if (waiting.has(row)) return waiting.get(row);
    if (loaded.has(row)) {
      const record = loaded.get(row);
      loaded.delete(row); // to the end of the map: used last
      loaded.set(row, record);
      return Promise.resolve(record);
    }
    const promise = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.nonce = document.querySelector("script[nonce]").nonce;
      script.src = `events/${String(row).padStart(6, "0")}.js`;
      script.onload = () => {
        script.remove();
        waiting.delete(row);
        forget();
        if (loaded.has(row)) resolve(loaded.get(row));
        else reject(new Error(`${script.src} holds no event ${row}`));
      };
      script.onerror = () => {
        script.remove();
        waiting.delete(row);
        reject(new Error(`cannot read ${script.src}`));
      };
      document.head.append(script);
    });
    waiting.set(row, promise);
    return promise;
  };

  app.prefetch = function (rows) {
    for (const row of rows) app.load(row).catch(() => {});
  };

  function forget() {
    for (const row of loaded.keys()) {
      if (loaded.size <= KEPT) break;
      loaded.delete(row);
    }
  }
})(window.seisclf);
