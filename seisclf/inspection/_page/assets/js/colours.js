// Colour tables of 256 entries, made of a few anchors.
"use strict";

(function (app) {
  const LEVELS = [[18, 16, 50], [43, 46, 120], [38, 100, 142], [47, 152, 126], [140, 196, 79],
    [247, 228, 94]];
  // Against and for: the extremes stand out from paper and from a dark screen alike.
  const SIGNED = {
    light: [[12, 60, 150], [74, 136, 204], [222, 92, 72], [150, 14, 28]],
    dark: [[150, 205, 255], [52, 118, 196], [198, 66, 54], [255, 160, 138]],
  };

  function table(anchors) {
    const colours = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) {
      const place = (i / 255) * (anchors.length - 1);
      const left = Math.min(Math.floor(place), anchors.length - 2);
      for (let k = 0; k < 3; k++) {
        colours[3 * i + k] =
          anchors[left][k] + (place - left) * (anchors[left + 1][k] - anchors[left][k]);
      }
    }
    return colours;
  }

  app.colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Read again when the system changes between light and dark.
  app.colourTables = function () {
    const middle = app.colour("--middle").match(/[0-9a-f]{2}/gi).map((h) => parseInt(h, 16));
    const ends = middle[1] > 127 ? SIGNED.light : SIGNED.dark;
    const signed = table([...ends.slice(0, 2), middle, ...ends.slice(2)]);
    return { levels: table(LEVELS), signed };
  };
})(window.seisclf);
