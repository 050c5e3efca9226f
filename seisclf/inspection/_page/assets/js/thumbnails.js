// A waveform the size of a line of text.
"use strict";

(function (app) {
  app.drawThumbnail = function (canvas, base64) {
    const pairs = app.signedBytes(base64);
    const ratio = window.devicePixelRatio || 1;
    const width = 180, height = 24;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.strokeStyle = app.colour("--trace");
    pen.lineWidth = 0.8;
    pen.beginPath();
    for (let i = 0; i < pairs.length; i++) {
      const x = (i / Math.max(1, pairs.length - 1)) * width;
      const y = height / 2 - (pairs[i] / 127) * (height / 2 - 1);
      if (i) pen.lineTo(x, y);
      else pen.moveTo(x, y);
    }
    pen.stroke();
  };
})(window.seisclf);
