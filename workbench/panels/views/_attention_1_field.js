// Field: the part of a map that a page holds. A pixel stands for one pair or, of a long input, for the strongest of a patch.
const NAN = [224, 49, 49];
const inks = (kit, dark) => {
  const paper = dark ? [24, 26, 31] : [250, 250, 252], plus = dark ? [145, 178, 255] : [32, 66, 178], minus = dark ? [255, 176, 77] : [181, 80, 0];
  const both = Uint32Array.from({ length: 256 }, (_, i) => {
    const t = Math.min(1, Math.abs(i - 128) / 127), [r, g, b] = paper.map((x, k) => Math.round(x + ((i > 128 ? plus : minus)[k] - x) * t));
    return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  });
  return { one: kit.ramps[dark ? 1 : 0], both, plus, minus, paper, nan: (0xff000000 | (NAN[2] << 16) | (NAN[1] << 8) | NAN[0]) >>> 0 };
};

// An array of a frame by its name, with the size of the map and the window that it is of.
const field = (kit, arrays, name, { size, window }, signed) => {
  const a = arrays[name], [h, w] = a.shape, [r0, r1, c0, c1] = window;
  const codes = kit.values(a), broken = arrays[`${name}_nan`] && kit.values(arrays[`${name}_nan`]), wide = a.dtype === 'uint16';
  const half = wide ? 32768 : 128, largest = signed ? half - 1 : wide ? 65535 : 255;
  const isBroken = k => broken && broken[k >> 3] >> (7 - (k & 7)) & 1;
  const number = k => {
    if (isBroken(k)) return NaN;
    const t = (signed ? codes[k] - half : codes[k]) / largest;
    return a.top * Math.sign(t) * Math.abs(t) ** a.power;
  };
  return {
    rows: size[0], cols: size[1], span: [r0, r1, c0, c1], exact: h === r1 - r0 && w === c1 - c0, signed, top: a.top, digits: wide ? 3 : 2,
    patch: [Math.ceil((r1 - r0) / h), Math.ceil((c1 - c0) / w)],
    // Index of the pixel of a query and of a key; -1 where the page holds none.
    down: i => (i < r0 || i >= r1 ? -1 : Math.min(h - 1, Math.floor(((i - r0 + 1) * h - 1) / (r1 - r0)))),
    right: j => (j < c0 || j >= c1 ? -1 : Math.min(w - 1, Math.floor(((j - c0 + 1) * w - 1) / (c1 - c0)))),
    width: w, codes, shift: wide ? 8 : 0, broken: isBroken,
    at(i, j) { const y = this.down(i), x = this.right(j); return y < 0 || x < 0 ? undefined : number(y * w + x); },
  };
};

// The pairs of a view [first query, end, first key, end] as pixels of a canvas, one each as far as a canvas of 512 goes.
const painted = (canvas, f, view, table) => {
  const tall = view[1] - view[0], wide = view[3] - view[2], h = Math.min(512, tall), w = Math.min(512, wide);
  canvas.width = w;
  canvas.height = h;
  const context = canvas.getContext('2d'), image = context.createImageData(w, h), pixels = new Uint32Array(image.data.buffer);
  const across = Int32Array.from({ length: w }, (_, x) => f.right(view[2] + Math.floor(x * wide / w)));
  const inks = f.signed ? table.both : table.one, { codes, shift } = f;
  for (let y = 0, k = 0; y < h; y++) {
    const from = f.down(view[0] + Math.floor(y * tall / h));
    for (let x = 0; x < w; x++, k++) {
      const p = from * f.width + across[x];
      if (from >= 0 && across[x] >= 0) pixels[k] = f.broken(p) ? table.nan : inks[codes[p] >> shift];
    }
  }
  context.putImageData(image, 0, 0);
};

const figure = (v, digits = 2) => (v === undefined ? '' : Number.isNaN(v) ? 'not a number' : `${v < 0 ? '−' : ''}${Math.abs(v).toFixed(digits)}`);
const rgba = ([r, g, b], a) => `rgba(${r},${g},${b},${a.toFixed(3)})`;
