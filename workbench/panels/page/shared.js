// Shared by every panel: set before its own file when the package is imported. No build step, nothing fetched.
// Every string reaches the page through textContent or an attribute; innerHTML is used nowhere.
const kit = (() => {
  const el = (tag, cls, parent, text) => {
    const node = document.createElement(tag);
    if (cls) node.className = cls;
    if (text !== undefined && text !== null) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };

  // An SVG element with its attributes.
  const svg = (tag, parent, given, text) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(given)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };

  // JupyterLab takes arrow keys and letters from whatever has the focus, unless the focused element itself says no.
  const focusable = (node, label) => {
    node.dataset.lmSuppressShortcuts = 'true';
    if (label) node.setAttribute('aria-label', label);
    return node;
  };

  const button = (parent, text, act, label) => {
    const node = focusable(el('button', '', parent, text), label);
    node.type = 'button';
    node.addEventListener('click', act);
    return node;
  };

  const slider = (parent, name, max, value, act) => {
    const label = el('label', '', parent, name), input = focusable(el('input', '', label), name);
    const shown = el('output', 'wb-mono wb-num', label, value);
    Object.assign(input, { type: 'range', min: 0, max, step: 1 });
    input.value = value;
    input.disabled = max < 1;
    input.addEventListener('input', () => { shown.textContent = input.value; act(+input.value); });
    return { input, set(v, top = max) { input.max = top; input.disabled = top < 1; input.value = v; shown.textContent = v; } };
  };

  const check = (parent, name, value, act) => {
    const label = el('label', '', parent), input = focusable(el('input', '', label), name);
    input.type = 'checkbox';
    input.checked = value;
    el('span', '', label, name);
    input.addEventListener('change', () => act(input.checked));
    return input;
  };

  const TYPES = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array, float64: Float64Array, int32: Int32Array };
  // An array of a frame: {dtype, shape, max, data}. The copy is aligned for its type.
  const values = a => {
    const d = a.data, view = d instanceof DataView ? new Uint8Array(d.buffer, d.byteOffset, d.byteLength) : new Uint8Array(d);
    return new TYPES[a.dtype](view.slice().buffer);
  };

  // Two ramps of even lightness steps, readable without colour: dark on light paper, light on dark.
  const RAMPS = [false, true].map(dark => {
    const stops = dark ? [[24, 26, 31], [52, 70, 128], [140, 150, 158], [250, 230, 120]]
      : [[250, 250, 252], [172, 192, 226], [80, 110, 190], [20, 35, 95]];
    return Uint32Array.from({ length: 256 }, (_, i) => {
      const t = i / 255 * 3, k = Math.min(2, Math.floor(t)), f = t - k;
      const [r, g, b] = stops[k].map((x, j) => Math.round(x + (stops[k + 1][j] - x) * f));
      return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    });
  });

  // One matrix of 0..255 as one pixel a value, at (x, y) of a canvas that has the right size already.
  const heat = (context, data, at, rows, cols, ramp, x = 0, y = 0) => {
    const image = context.createImageData(cols, rows), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = ramp[data[at + i]];
    context.putImageData(image, x, y);
  };

  const isDark = node => {
    const found = getComputedStyle(node).backgroundColor.match(/[\d.]+/g);
    if (!found || found.length === 4 && +found[3] === 0) return matchMedia('(prefers-color-scheme: dark)').matches;
    return 0.299 * found[0] + 0.587 * found[1] + 0.114 * found[2] < 110;
  };

  // Calls act(dark) now and whenever the theme changes; returns what ends it.
  const themed = (node, act) => {
    let was = null;
    const look = () => {
      const dark = isDark(node);
      node.classList.toggle('wb-dark', dark);
      if (dark !== was) { was = dark; act(dark); }
    };
    const soon = () => setTimeout(look, 60), watch = new MutationObserver(soon);
    watch.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light', 'class'] });
    const media = matchMedia('(prefers-color-scheme: dark)');
    media.addEventListener('change', soon);
    const first = setTimeout(look, 0);
    return () => { clearTimeout(first); watch.disconnect(); media.removeEventListener('change', soon); };
  };

  // The model as a panel uses it. When its kernel has been restarted or has ended, what is on show stays, the panel says
  // so, and to ask is no error.
  const tether = (model, root) => {
    const note = el('p', 'wb-gone', null, 'The kernel that drew this has been restarted or has ended: run the cell again.');
    note.setAttribute('role', 'status');
    // Where the front end tells of its kernel, the panel says so at once; elsewhere when something is asked.
    const signal = model.widget_manager?.kernel?.statusChanged;
    const hear = (_, status) => {
      if (!root.isConnected) signal.disconnect(hear);
      else if (status.endsWith('restarting') || status === 'dead') root.prepend(note);
    };
    signal?.connect?.(hear);
    return {
      get: name => model.get(name),
      on: (...given) => model.on(...given),
      off: (...given) => model.off(...given),
      // Whether it was sent.
      send(...given) {
        try { model.send(...given); } catch { root.prepend(note); return false; }
        return true;
      },
    };
  };

  // At most one wish is under way; while it is, the newest wish replaces an older one that waits.
  const wishes = (model, late) => {
    let seq = Date.now(), under = 0, next = null, timer = 0, since = 0;
    const send = ({ file, ...wish }) => {
      under = ++seq;
      since = Date.now();
      if (!model.send({ type: 'wish', seq, wish }, undefined, file && [file])) { under = 0; return; }
      clearTimeout(timer);
      timer = setTimeout(() => late(true), 700);
    };
    return {
      // What was typed is not lost when another wish follows before it was sent.
      ask(wish) {
        const whole = next?.input && !wish.input ? { ...wish, input: next.input, file: next.file } : wish;
        if (under && Date.now() - since < 15000) next = whole; else send(whole);
      },
      answered(n) {
        if (!under || n < under) return;
        under = 0;
        clearTimeout(timer);
        late(false);
        if (next) { const wish = next; next = null; send(wish); }
      },
      idle() { return !under && !next; },
      end() { clearTimeout(timer); },
    };
  };

  const marks = (parent, doubts, note) => {
    parent.replaceChildren();
    for (const doubt of doubts || []) {
      const item = el('span', '', parent), dot = el('i', 'wb-dot', item);
      dot.dataset.level = doubt.level;
      dot.setAttribute('role', 'img');
      dot.setAttribute('aria-label', { good: 'holds', warn: 'caution', bad: 'do not rely on it' }[doubt.level] || '');
      el('span', '', item, doubt.text);
    }
    if (note) el('span', 'wb-dim wb-num wb-note', parent, note);
  };

  const bars = (parent, rows) => {
    const box = el('div', 'wb-bars', parent), top = Math.max(1e-9, ...rows.map(r => Math.abs(r.value)));
    for (const row of rows) {
      el('span', 'wb-mono', box, row.label).title = row.label;
      const bar = el('i', '', box);
      bar.style.width = `${100 * Math.abs(row.value) / top}%`;
      if (row.value < 0) bar.style.opacity = '.5';
      el('span', 'wb-mono wb-num', box, row.value.toFixed(Math.abs(row.value) < 0.0095 ? 3 : 2));
    }
    return box;
  };

  const SI = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  const short = (x, unit = '') => {
    if (x === null || x === undefined || Number.isNaN(x)) return '–';
    const [size, letter] = SI.find(([s]) => Math.abs(x) >= s) || [1, ''], v = x / size;
    const digits = Number.isInteger(v) || Math.abs(v) >= 100 ? 0 : Math.abs(v) >= 10 ? 1 : 2;
    return `${v.toFixed(digits)}${letter || unit ? ' ' : ''}${letter}${unit}`;
  };

  return { el, svg, tether, focusable, button, slider, check, values, ramps: RAMPS, heat, themed, wishes, marks, bars, short };
})();
