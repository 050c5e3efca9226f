// Packed arrays of the data scripts back to numbers.
"use strict";

(function (app) {
  const GAP = -32768; // what a missing sample is among 16-bit integers

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  const VIEWS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array };

  // -> {values, shape}, integers as they are; the plots scale them.
  app.unpack = function (packed) {
    const bytes = bytesOf(packed.data);
    return { values: new VIEWS[packed.type](bytes.buffer), shape: packed.shape };
  };

  // -> one Float32Array per channel, NaN in gaps.
  app.unpackWaveform = function (packed) {
    const { values, shape } = app.unpack(packed);
    const traces = [];
    for (let c = 0; c < shape[0]; c++) {
      const trace = new Float32Array(shape[1]);
      for (let i = 0; i < shape[1]; i++) {
        const value = values[c * shape[1] + i];
        trace[i] = value === GAP ? NaN : value * packed.scale[c];
      }
      traces.push(trace);
    }
    return traces;
  };

  app.signedBytes = (base64) => new Int8Array(bytesOf(base64).buffer);
})(window.seisclf);
