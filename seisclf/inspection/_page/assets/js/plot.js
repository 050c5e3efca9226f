// Waveforms, spectrogram and relevance on one canvas, with one time axis per column.
"use strict";

(function (app) {
  const LEFT = 46, RIGHT = 66, BOTTOM = 34, TITLE = 18, GUTTER = 10;
  const FONT = "12px system-ui, sans-serif";
  const settings = { view: "columns", common: false, gain: 1 };
  let tables = null;
  let panels = []; // what lies where, for the reading under the pointer

  app.openPlots = function () {
    Object.assign(settings, JSON.parse(app.read("plots") || "{}"), { gain: 1 });
    app.byId("common").checked = settings.common;
    app.byId("common").addEventListener("change", () => {
      app.byId("common").blur();
      set({ common: app.byId("common").checked });
    });
    app.byId("view").addEventListener("change", () => {
      app.byId("view").blur();
      set({ view: app.byId("view").value });
    });
    new ResizeObserver(() => app.drawPlots()).observe(app.byId("plots"));
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      tables = null;
      if (app.record) app.show(app.record.row);
    });
    app.byId("plots").addEventListener("mousemove", readUnderPointer);
    app.byId("plots").addEventListener("mouseleave", () => {
      app.byId("cursor").hidden = true;
      app.byId("readout").textContent = "";
    });
  };

  function set(change) {
    Object.assign(settings, change);
    app.write("plots", JSON.stringify(settings));
    app.drawPlots();
  }

  app.amplify = (factor) => set({
    gain: factor ? Math.min(1000, Math.max(0.1, settings.gain * factor)) : 1,
  });

  app.nextView = function () {
    const values = [...app.byId("view").options].map((option) => option.value);
    set({ view: values[(values.indexOf(settings.view) + 1) % values.length] });
  };

  // The views that this event's components allow.
  function offerViews(components) {
    const select = app.byId("view");
    const names = components.join(" ");
    if (select.dataset.names !== names) {
      select.dataset.names = names;
      const options = [["columns", "components side by side"]];
      if (components.length === 1) options.pop();
      select.parentElement.hidden = components.length === 1;
      components.forEach((name, c) => options.push([String(c), `maps of ${name} only`]));
      select.replaceChildren(...options.map(([value, words]) => {
        const option = app.element("option", "", words);
        option.value = value;
        return option;
      }));
    }
    select.value = settings.view;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    return select.value;
  }

  // ---- the whole picture -----------------------------------------------------------------------
  app.drawPlots = function () {
    const record = app.record;
    const canvas = app.byId("plot");
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!record || !width || !height) return;
    tables = tables || app.colourTables();
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = FONT;
    panels = [];
    record.traces = record.traces || app.unpackWaveform(record.waveform);

    const view = offerViews(record.components);
    const maps = mapsOf(record);
    const beside = view === "columns";
    const channels = beside ? record.components.map((_, c) => c) : [Number(view)];
    const columns = across(channels, width);
    const rows = down(maps, beside ? 1 : record.components.length, height);
    for (const column of columns) {
      const traces = beside ? [column.channel] : record.components.map((_, c) => c);
      traces.forEach((channel, i) => {
        const h = rows.trace.h / traces.length;
        drawTrace(pen, record, channel, { ...column, y: rows.trace.y + i * h, h });
      });
      maps.forEach((map, i) => drawMap(pen, record, map, column, rows.maps[i]));
      drawTimeAxis(pen, record, column, rows.bottom);
    }
    maps.forEach((map, i) => {
      pen.textAlign = "left";
      pen.fillStyle = app.colour("--ink");
      pen.fillText(map.title, LEFT, rows.maps[i].y - 5, width - LEFT - RIGHT);
      drawColourBar(pen, map, width - RIGHT + 8, rows.maps[i]);
    });
    drawTraceTitle(pen, record, width);
  };

  function across(channels, width) {
    const free = width - LEFT - RIGHT - GUTTER * (channels.length - 1);
    const w = Math.floor(free / channels.length);
    return channels.map((channel, i) => ({
      channel, x: LEFT + i * (w + GUTTER), w, first: i === 0,
    }));
  }

  function down(maps, nTraces, height) {
    const room = height - TITLE - BOTTOM - 4;
    const share = maps.length ? Math.min(0.24 + 0.07 * (nTraces - 1), 0.5) : 1;
    const trace = { y: TITLE + 2, h: room * share };
    // Relevance of single samples is a strip, not a map.
    const weights = maps.map((map) => (map.shape[1] === 1 ? 0.35 : 1));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const free = room * (1 - share) - maps.length * (TITLE + 4);
    let y = trace.y + trace.h + TITLE + 4;
    const placed = weights.map((weight) => {
      const row = { y, h: (free * weight) / all };
      y += row.h + TITLE + 4;
      return row;
    });
    return { trace, maps: placed, bottom: height - BOTTOM };
  }

  function mapsOf(record) {
    const maps = [];
    if (record.spectrogram) {
      maps.push({ ...record.spectrogram, kind: "spectrogram", key: "s", title: "Spectrogram" });
    }
    record.relevance.forEach((map, i) => {
      const whose = map.label === record.label
        ? (map.label === record.predicted ? "given label and model" : "given label")
        : "model";
      const error = map.error === null ? "" : `   conservation error ${share(map.error)}`;
      const title = `Relevance for ${map.label} (${whose})${error}`;
      maps.push({ ...map, kind: "relevance", key: `r${i}`, title });
    });
    return maps;
  }

  // As percent, unless that would be nothing but zeros.
  const share = (part) => Math.abs(part) >= 0.0005 || part === 0
    ? `${(100 * part).toFixed(1)} %` : part.toExponential(0);

  // ---- traces ----------------------------------------------------------------------------------
  function drawTrace(pen, record, channel, box) {
    const trace = record.traces[channel];
    const peaks = record.waveform.scale.map((scale) => scale * 32767);
    const peak = settings.common ? Math.max(...peaks) : peaks[channel];
    const middle = box.y + box.h / 2;
    const toY = (value) => middle - (value / peak) * settings.gain * (box.h / 2 - 3);
    frame(pen, box);
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.w, box.h);
    pen.clip();
    pen.strokeStyle = app.colour("--trace");
    pen.lineWidth = 1;
    pen.beginPath();
    if (trace.length > 2 * box.w) traceByPixel(pen, trace, box, toY);
    else traceBySample(pen, trace, box, toY);
    pen.stroke();
    drawMarks(pen, record, box, true);
    pen.restore();
    pen.textAlign = "left";
    label(pen, record.components[channel], box.x + 5, box.y + 14, "--ink");
    panels.push({ ...box, kind: "trace", channel });
  }

  function traceBySample(pen, trace, box, toY) {
    let down = false;
    for (let i = 0; i < trace.length; i++) {
      if (Number.isNaN(trace[i])) {
        down = false;
        continue;
      }
      const x = box.x + (i / trace.length) * box.w;
      if (down) pen.lineTo(x, toY(trace[i]));
      else pen.moveTo(x, toY(trace[i]));
      down = true;
    }
  }

  // The smallest and the largest value under each pixel.
  function traceByPixel(pen, trace, box, toY) {
    const pixels = Math.floor(box.w);
    let down = false;
    for (let p = 0; p < pixels; p++) {
      const from = Math.floor((p * trace.length) / pixels);
      const to = Math.max(from + 1, Math.floor(((p + 1) * trace.length) / pixels));
      let low = Infinity, high = -Infinity;
      for (let i = from; i < to; i++) {
        if (trace[i] < low) low = trace[i];
        if (trace[i] > high) high = trace[i];
      }
      if (low > high) {
        down = false;
        continue;
      }
      const x = box.x + p + 0.5;
      const [first, second] = p % 2 ? [low, high] : [high, low];
      if (down) pen.lineTo(x, toY(first));
      else pen.moveTo(x, toY(first));
      pen.lineTo(x, toY(second));
      down = true;
    }
  }

  function drawTraceTitle(pen, record, width) {
    pen.textAlign = "left";
    pen.fillStyle = app.colour("--ink");
    const gain = settings.gain === 1 ? "" : `, amplified ${settings.gain.toPrecision(2)} times`;
    pen.fillText(`Waveform, ${app.about.band}${gain}`, LEFT, TITLE - 4, width - LEFT - RIGHT);
  }

  function drawMarks(pen, record, box, named) {
    pen.save();
    pen.setLineDash([4, 3]);
    for (const [name, seconds] of Object.entries(record.marks)) {
      const x = box.x + (seconds / record.duration) * box.w;
      pen.strokeStyle = app.colour("--accent");
      pen.beginPath();
      pen.moveTo(x, box.y);
      pen.lineTo(x, box.y + box.h);
      pen.stroke();
      if (named) {
        pen.textAlign = "left";
        label(pen, name, x + 3, box.y + box.h - 5, "--accent");
      }
    }
    pen.restore();
  }

  // Words on a trace, with a bit of paper beneath them.
  function label(pen, words, x, y, colour) {
    pen.fillStyle = app.colour("--paper");
    pen.globalAlpha = 0.75;
    pen.fillRect(x - 2, y - 11, pen.measureText(words).width + 4, 14);
    pen.globalAlpha = 1;
    pen.fillStyle = app.colour(colour);
    pen.fillText(words, x, y);
  }

  // ---- maps ------------------------------------------------------------------------------------
  function drawMap(pen, record, map, column, row) {
    const box = { ...column, ...row };
    const [first, last] = extent(map, record);
    const x = box.x + (first / record.duration) * box.w;
    const w = ((last - first) / record.duration) * box.w;
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.w, box.h);
    pen.clip();
    pen.imageSmoothingEnabled = false;
    pen.drawImage(picture(record, map, column.channel), x, box.y, w, box.h);
    if (map.kind === "relevance") drawMarks(pen, record, box, false);
    pen.restore();
    frame(pen, box);
    if (column.first && map.frequencies) drawFrequencyAxis(pen, map, box);
    panels.push({ ...box, kind: map.kind, channel: column.channel, map, first, last });
  }

  // Seconds from the edge of the first frame to that of the last.
  function extent(map, record) {
    const times = map.times;
    if (!times || times.length < 2) return [0, record.duration];
    const half = (times[times.length - 1] - times[0]) / (times.length - 1) / 2;
    return [times[0] - half, times[times.length - 1] + half];
  }

  function values(record, map) {
    record.maps = record.maps || {};
    record.maps[map.key] = record.maps[map.key] || app.unpack(map).values;
    return record.maps[map.key];
  }

  function picture(record, map, channel) {
    record.pictures = record.pictures && record.pictures.tables === tables
      ? record.pictures : { tables };
    const key = `${map.key}:${channel}`;
    if (record.pictures[key]) return record.pictures[key];
    const [, rows, frames] = map.shape;
    const colours = map.kind === "relevance" ? tables.signed : tables.levels;
    const offset = map.kind === "relevance" ? 128 : 0;
    const numbers = values(record, map);
    const canvas = app.element("canvas");
    canvas.width = frames;
    canvas.height = rows;
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(frames, rows);
    for (let f = 0; f < rows; f++) {
      for (let t = 0; t < frames; t++) {
        const level = numbers[(channel * rows + f) * frames + t] + offset;
        const pixel = 4 * ((rows - 1 - f) * frames + t);
        for (let k = 0; k < 3; k++) image.data[pixel + k] = colours[3 * level + k];
        image.data[pixel + 3] = 255;
      }
    }
    pen.putImageData(image, 0, 0);
    record.pictures[key] = canvas;
    return canvas;
  }

  function drawColourBar(pen, map, x, row) {
    const colours = map.kind === "relevance" ? tables.signed : tables.levels;
    const h = Math.round(row.h);
    for (let i = 0; i < h; i++) {
      const level = Math.round(255 * (1 - i / Math.max(1, h - 1)));
      pen.fillStyle = `rgb(${colours[3 * level]} ${colours[3 * level + 1]} ${colours[3 * level + 2]})`;
      pen.fillRect(x, row.y + i, 8, 1.5);
    }
    pen.fillStyle = app.colour("--soft");
    pen.textAlign = "left";
    const words = map.kind === "relevance" ? ["for", "against"]
      : map.unit ? [`${map.high} dB`, `${map.low}`] : ["high", "low"];
    pen.fillText(words[0], x + 11, row.y + 10, RIGHT - 20);
    pen.fillText(words[1], x + 11, row.y + row.h - 1, RIGHT - 20);
  }

  // ---- axes ------------------------------------------------------------------------------------
  function frame(pen, box) {
    pen.strokeStyle = app.colour("--line");
    pen.lineWidth = 1;
    pen.strokeRect(Math.round(box.x) + 0.5, Math.round(box.y) + 0.5, Math.round(box.w) - 1,
      Math.round(box.h) - 1);
  }

  function niceTicks(low, high, most) {
    const raw = (high - low) / Math.max(1, most);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) || 10 * power;
    const ticks = [];
    for (let t = Math.ceil(low / step) * step; t <= high * (1 + 1e-9); t += step) {
      ticks.push(Number(t.toPrecision(10)));
    }
    return ticks;
  }

  function drawTimeAxis(pen, record, column, y) {
    pen.strokeStyle = app.colour("--soft");
    pen.fillStyle = app.colour("--soft");
    pen.textAlign = "center";
    for (const t of niceTicks(0, record.duration, column.w / 70)) {
      const x = column.x + (t / record.duration) * column.w;
      pen.beginPath();
      pen.moveTo(x, y - 3);
      pen.lineTo(x, y + 2);
      pen.stroke();
      pen.fillText(String(t), Math.min(x, column.x + column.w - 8), y + 14);
    }
    const words = column.w < 190 ? "seconds" : "seconds after the first sample";
    pen.fillText(words, column.x + column.w / 2, y + 28);
  }

  // Rows have equal height; their frequencies may be spaced in any way.
  function rowOf(frequencies, f) {
    const n = frequencies.length;
    for (let i = 0; i + 1 < n; i++) {
      if (f >= frequencies[i] && f <= frequencies[i + 1]) {
        return i + (f - frequencies[i]) / (frequencies[i + 1] - frequencies[i]);
      }
    }
    return null;
  }

  function drawFrequencyAxis(pen, map, box) {
    const { frequencies } = map;
    const n = frequencies.length;
    const [low, high] = [frequencies[0], frequencies[n - 1]];
    const middle = frequencies[Math.floor(n / 2)];
    const even = middle > 0.4 * (low + high);
    const ticks = even ? niceTicks(low, high, box.h / 30)
      : [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200].filter((f) => f >= low && f <= high);
    pen.strokeStyle = app.colour("--soft");
    pen.fillStyle = app.colour("--soft");
    pen.textAlign = "right";
    for (const f of ticks) {
      const row = rowOf(frequencies, f);
      if (row === null) continue;
      const y = box.y + box.h * (1 - (row + 0.5) / n);
      pen.beginPath();
      pen.moveTo(box.x - 3, y);
      pen.lineTo(box.x, y);
      pen.stroke();
      if (y > box.y + 4) pen.fillText(String(f), box.x - 6, y + 4);
    }
    pen.save();
    pen.translate(11, box.y + box.h / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText("Hz", 0, 0);
    pen.restore();
  }

  // ---- the reading under the pointer -----------------------------------------------------------
  function readUnderPointer(event) {
    const area = app.byId("plots").getBoundingClientRect();
    const x = event.clientX - area.left, y = event.clientY - area.top;
    const panel = panels.find((p) => x >= p.x && x <= p.x + p.w && y >= p.y && y <= p.y + p.h);
    const cursor = app.byId("cursor");
    cursor.hidden = !panel;
    if (!panel) {
      app.byId("readout").textContent = "";
      return;
    }
    cursor.style.left = `${x}px`;
    const record = app.record;
    const seconds = ((x - panel.x) / panel.w) * record.duration;
    const words = [record.components[panel.channel], `${seconds.toFixed(2)} s`];
    if (panel.map) words.push(...mapReading(record, panel, seconds, y));
    app.byId("readout").textContent = words.join("   ");
  }

  function mapReading(record, panel, seconds, y) {
    const { map } = panel;
    const [, rows, frames] = map.shape;
    const f = Math.min(rows - 1, Math.floor((1 - (y - panel.y) / panel.h) * rows));
    const t = Math.floor(((seconds - panel.first) / (panel.last - panel.first)) * frames);
    if (t < 0 || t >= frames || f < 0) return [];
    const value = values(record, map)[(panel.channel * rows + f) * frames + t] * map.scale;
    const words = map.frequencies ? [`${map.frequencies[f].toPrecision(3)} Hz`] : [];
    if (map.kind === "relevance") words.push(`relevance ${value.toExponential(1)}`);
    else if (map.unit) words.push(`${(map.low + value).toFixed(0)} ${map.unit}`);
    return words;
  }
})(window.seisclf);
