// SHAP: what each feature adds to a score, in one example (waterfall, force) and in all (beeswarm, bar, decision, scatter).
export default (kit, root, ask) => {
  const { el, focusable, button, svg } = kit;
  root.className = 'wb-shap';
  el('style', '', root, style);
  const turns = el('div', 'wb-legend wb-turns', root), legend = el('div', 'wb-legend', root), duo = el('div', 'wb-duo', root);
  const left = el('div', '', duo), right = el('div', '', duo), hover = el('p', 'wb-mono wb-dim wb-hover', root, ' ');
  hover.style.marginLeft = 0;
  const tell = text => { hover.textContent = text; };
  const look = { chart: 'beeswarm' };
  let last = null;
  const WIDE = 460, NAME = 150, GAP = 21, MOST = 12;
  const signed = v => (Math.abs(v) < 1e-7 ? '0' : (v >= 0 ? '+' : '−') + Math.abs(v).toPrecision(3));
  const figure = v => String(+v.toPrecision(4));
  // A long name is cut, its value is not.
  const cut = text => {
    const at = text.lastIndexOf(' = '), name = at < 0 ? text : text.slice(0, at), value = at < 0 ? '' : text.slice(at), room = 23 - value.length;
    return (name.length > room ? `${name.slice(0, Math.max(3, room - 1))}…` : name) + value;
  };

  // Everything of a frame that the drawings use; a row of features for each example.
  const read = ({ meta, arrays }) => {
    const scores = kit.values(arrays.scores), [rows, cols] = arrays.scores.shape, values = arrays.values && kit.values(arrays.values);
    const order = [...kit.values(arrays.order)], swarm = kit.values(arrays.swarm);
    return {
      meta, rows, cols, order, swarm, base: kit.values(arrays.base), values,
      score: (i, c) => scores[i * cols + c], value: (i, c) => values[i * cols + c],
      label: (i, c) => (values ? `${meta.names[c]} = ${figure(values[i * cols + c])}` : meta.names[c]),
      row: i => scores.subarray(i * cols, (i + 1) * cols),
      place: i => (meta.places.length ? (i ? `example ${meta.places[i - 1]}` : 'the one on show') : 'this example'),
    };
  };
  const axis = (low, high, from, to) => { const span = high - low || 1; return v => from + (v - low) / span * (to - from); };
  const ends = list => { let low = Infinity, high = -Infinity; for (const v of list) { low = Math.min(low, v); high = Math.max(high, v); } return [low, high]; };
  const chart = (to, tall, label) => svg('svg', to, { viewBox: `0 0 ${WIDE} ${tall}`, class: 'wb-chart', role: 'img', 'aria-label': label });
  const ink = v => (v >= 0 ? 'wb-for' : 'wb-against');
  // From low (blue) by way of grey to high (orange), by the share of the others that lie below.
  const shares = (f, c) => {
    const order = Array.from({ length: f.rows }, (_, i) => i).sort((a, b) => f.value(a, c) - f.value(b, c)), share = new Float32Array(f.rows);
    order.forEach((i, k) => { share[i] = k && f.value(i, c) === f.value(order[k - 1], c) ? share[order[k - 1]] : k / Math.max(1, f.rows - 1); });
    return share;
  };
  const tone = t => `color-mix(in srgb, ${t < 0.5 ? 'var(--wb-accent)' : 'var(--wb-second)'} ${Math.round(100 * Math.abs(2 * t - 1))}%, var(--wb-mid))`;
  const named = (to, f, c, y, text = f.meta.names[c]) => {
    const label = svg('text', to, { x: NAME - 8, y: y + 4, 'text-anchor': 'end', class: 'wb-name' }, cut(text));
    svg('title', label, {}, text);
    if (c === undefined) return;
    label.dataset.on = String(c === f.meta.feature);
    label.addEventListener('click', () => ask({ feature: c }));
  };

  const strongest = f => {
    const row = f.row(f.meta.example), order = [...row.keys()].sort((a, b) => Math.abs(row[b]) - Math.abs(row[a]));
    const kept = order.filter(c => Math.abs(row[c]) > 1e-6 * Math.abs(row[order[0]])).slice(0, MOST), rest = order.slice(kept.length), count = rest.length + f.meta.left;
    const steps = kept.map(c => ({ c, v: row[c], text: f.label(f.meta.example, c) }));
    if (count) steps.push({ v: rest.reduce((sum, c) => sum + row[c], 0), text: count > 1 ? `${count} others` : '1 other' });
    return steps;
  };
  const waterfall = (to, f) => {
    const steps = strongest(f), start = f.base[f.meta.example], picture = chart(to, GAP * steps.length + 34, 'waterfall: from the mean score to this one, feature by feature');
    let at = start;
    const spans = steps.slice().reverse().map(step => ({ ...step, from: at, to: (at += step.v) })).reverse();
    const [low, high] = ends([start, ...spans.map(s => s.to)]), x = axis(low, high, NAME + 8, WIDE - 58);
    spans.forEach((s, k) => {
      const y = 20 + GAP * k, bar = svg('rect', picture, { x: Math.min(x(s.from), x(s.to)), y, width: Math.max(1, Math.abs(x(s.to) - x(s.from))), height: GAP - 6, rx: 2, class: ink(s.v) });
      if (s.c !== undefined) { bar.dataset.on = String(s.c === f.meta.feature); bar.addEventListener('click', () => ask({ feature: s.c })); }
      svg('text', picture, { x: Math.max(x(s.from), x(s.to)) + 4, y: y + 12 }, signed(s.v));
      named(picture, f, s.c, y + 7, s.text);
      if (k < spans.length - 1) svg('line', picture, { x1: x(s.from), x2: x(s.from), y1: y + GAP - 6, y2: y + GAP, class: 'wb-rule' });
    });
    const bottom = 20 + GAP * steps.length;
    svg('line', picture, { x1: x(start), x2: x(start), y1: 14, y2: bottom, class: 'wb-rule', 'stroke-dasharray': '2 3' });
    svg('text', picture, { x: Math.min(WIDE - 70, x(start)), y: bottom + 11, 'text-anchor': 'middle' }, `${f.meta.base} ${figure(start)}`);
    svg('text', picture, { x: x(at), y: 12, 'text-anchor': 'middle', class: 'wb-strong' }, `score ${figure(at)}`);
  };
  const force = (to, f) => {
    const steps = strongest(f), end = f.base[f.meta.example] + f.row(f.meta.example).reduce((a, b) => a + b, 0);
    const picture = chart(to, 62, 'force: what pushes the score up and down');
    const up = steps.filter(s => s.v > 0), down = steps.filter(s => s.v < 0), sum = list => list.reduce((a, s) => a + s.v, 0);
    const x = axis(end - sum(up), end - sum(down), 4, WIDE - 4);
    for (const [list, side] of [[up, 1], [down, -1]]) {
      let at = end;
      list.sort((a, b) => Math.abs(b.v) - Math.abs(a.v)).forEach((s, k) => {
        const [a, b] = [x(at), x(at - s.v)], wide = Math.abs(a - b), part = svg('path', picture, { class: ink(s.v), d: `M${b},20h${side * (wide - Math.min(4, wide))}l${side * Math.min(4, wide)},9l${-side * Math.min(4, wide)},9h${-side * (wide - Math.min(4, wide))}z` });
        part.style.opacity = k % 2 ? 0.72 : 1;
        svg('title', part, {}, `${s.text}  ${signed(s.v)}`);
        part.addEventListener('mouseenter', () => tell(`${s.text}  ${signed(s.v)}`));
        if (s.c !== undefined) part.addEventListener('click', () => ask({ feature: s.c }));
        if (wide > 6 * cut(s.text).length) svg('text', picture, { x: (a + b) / 2, y: 52, 'text-anchor': 'middle' }, cut(s.text));
        at -= s.v;
      });
    }
    svg('text', picture, { x: Math.max(40, Math.min(WIDE - 40, x(end))), y: 13, 'text-anchor': 'middle', class: 'wb-strong' }, `score ${figure(end)}`);
  };

  const dot = (f, to, i, x, y, fill, text) => {
    const point = svg('circle', to, { cx: x, cy: y, r: i === f.meta.example ? 4.5 : 3 });
    point.style.fill = fill;
    if (i === f.meta.example) point.dataset.on = 'true';
    svg('title', point, {}, text);
    point.addEventListener('click', () => ask({ example: i }));
  };
  const ruled = (to, low, high, x, y, text) => {
    for (const v of new Set([low, high, ...(low < 0 && high > 0 ? [0] : [])])) {
      svg('text', to, { x: x(v), y: y + 12, 'text-anchor': v === low ? 'start' : v === high ? 'end' : 'middle', class: 'wb-tick' }, figure(v));
    }
    if (text) svg('text', to, { x: (x(low) + x(high)) / 2, y: y + 24, 'text-anchor': 'middle', class: 'wb-tick' }, text);
  };
  const top = f => f.order.slice(0, MOST);
  const charts = {
    beeswarm(to, f) {
      const shown = top(f), tall = GAP * shown.length, picture = chart(to, tall + 30, 'beeswarm: what each feature adds in every example');
      const [low, high] = ends(shown.flatMap(c => Array.from({ length: f.rows }, (_, i) => f.score(i, c)))), x = axis(low, high, NAME + 4, WIDE - 8);
      if (low < 0 && high > 0) svg('line', picture, { x1: x(0), x2: x(0), y1: 0, y2: tall, class: 'wb-rule' });
      shown.forEach((c, k) => {
        const y = GAP * (k + 0.5), share = f.values && shares(f, c);
        named(picture, f, c, y);
        for (const i of [...Array(f.rows).keys()].sort((a, b) => (a === f.meta.example) - (b === f.meta.example))) {
          dot(f, picture, i, x(f.score(i, c)), y + 8 * f.swarm[k * f.rows + i], share ? tone(share[i]) : 'var(--wb-second)', `${f.place(i)}: ${f.label(i, c)}  ${signed(f.score(i, c))}`);
        }
      });
      ruled(picture, low, high, x, tall, 'added to the score · colour: value of the feature, low to high');
    },
    bar(to, f) {
      const shown = top(f), size = c => { let sum = 0; for (let i = 0; i < f.rows; i++) sum += Math.abs(f.score(i, c)); return sum / f.rows; };
      const picture = chart(to, GAP * shown.length + 14, 'bar: how much each feature adds, in the mean'), x = axis(0, size(shown[0]), NAME, WIDE - 58);
      shown.forEach((c, k) => {
        const y = GAP * k + 3, bar = svg('rect', picture, { x: NAME, y, width: Math.max(1, x(size(c)) - NAME), height: GAP - 6, rx: 2, class: 'wb-for' });
        bar.dataset.on = String(c === f.meta.feature);
        bar.addEventListener('click', () => ask({ feature: c }));
        named(picture, f, c, y + 7);
        svg('text', picture, { x: x(size(c)) + 4, y: y + 12 }, size(c).toPrecision(3));
      });
    },
    decision(to, f) {
      const shown = top(f).reverse(), tall = GAP * shown.length + 8, picture = chart(to, tall + 30, 'decision: the way of every example from the mean score to its own');
      const ways = Array.from({ length: f.rows }, (_, i) => {
        const rest = f.row(i).reduce((a, b) => a + b, 0) - shown.reduce((a, c) => a + f.score(i, c), 0), way = [f.base[i] + rest];
        for (const c of shown) way.push(way.at(-1) + f.score(i, c));
        return way;
      });
      const [low, high] = ends(ways.flat()), x = axis(low, high, NAME + 4, WIDE - 8), y = k => tall - GAP * k;
      shown.forEach((c, k) => named(picture, f, c, y(k + 0.5)));
      for (const i of [...ways.keys()].sort((a, b) => (a === f.meta.example) - (b === f.meta.example))) {
        const line = svg('polyline', picture, { points: ways[i].map((v, k) => `${x(v).toFixed(1)},${y(k)}`).join(' '), class: i === f.meta.example ? 'wb-way wb-mine' : 'wb-way' });
        svg('title', line, {}, `${f.place(i)}: ${figure(ways[i].at(-1))}`);
        line.addEventListener('click', () => ask({ example: i }));
      }
      ruled(picture, low, high, x, tall, 'score');
    },
  };
  const scatter = (to, f) => {
    const c = f.meta.feature, o = f.meta.other, tall = 170, picture = chart(to, tall + 30, `scatter: what ${f.meta.names[c]} adds against its value`);
    const all = [...Array(f.rows).keys()], [x0, x1] = ends(all.map(i => f.value(i, c))), [y0, y1] = ends(all.map(i => f.score(i, c)));
    const x = axis(x0, x1, 52, WIDE - 10), y = axis(y0, y1, tall - 8, 8), share = o >= 0 && shares(f, o);
    if (y0 < 0 && y1 > 0) svg('line', picture, { x1: 52, x2: WIDE - 10, y1: y(0), y2: y(0), class: 'wb-rule' });
    for (const v of new Set([y0, y1])) svg('text', picture, { x: 46, y: y(v) + 4, 'text-anchor': 'end', class: 'wb-tick' }, signed(v));
    for (const i of all) dot(f, picture, i, x(f.value(i, c)), y(f.score(i, c)), share ? tone(share[i]) : 'var(--wb-second)', `${f.place(i)}: ${f.label(i, c)}  ${signed(f.score(i, c))}`);
    ruled(picture, x0, x1, x, tall, o >= 0 ? `${f.meta.names[c]} · colour: ${f.meta.names[o]}, low to high` : f.meta.names[c]);
  };

  const colour = v => `color-mix(in srgb, ${v > 0 ? 'var(--wb-second)' : 'var(--wb-accent)'} ${Math.round(8 + 62 * Math.min(1, Math.abs(v)))}%, transparent)`;
  const words = (to, { meta, arrays }) => {
    const box = el('div', 'wb-tokens', to), scores = kit.values(arrays.plot_scores), most = Math.max(1e-12, ...scores.map(Math.abs));
    scores.forEach((v, i) => {
      const token = el('span', 'wb-tok', box, meta.plot.labels[i]);
      if (Math.abs(v) > 0.02 * most) token.style.background = colour(v / most);
      token.title = signed(v);
      token.dataset.on = String(i === meta.token);
      token.addEventListener('click', () => ask({ feature: i }));
      token.addEventListener('mouseenter', () => tell(`${meta.plot.labels[i]}  ${signed(v)}`));
    });
  };
  const image = (to, { arrays }, dark) => {
    const scores = kit.values(arrays.plot_scores), [rows, wide] = arrays.plot_scores.shape, given = arrays.plot_image && kit.values(arrays.plot_image);
    const most = Math.max(1e-12, ends(scores.map(Math.abs))[1]), box = el('div', 'wb-pixels', to), paper = dark ? [24, 26, 31] : [255, 255, 255];
    const inks = dark ? [[255, 180, 84], [145, 167, 255]] : [[194, 94, 0], [40, 70, 190]];
    const paint = (label, at) => {
      const canvas = el('canvas', '', box), context = (canvas.width = wide, canvas.height = rows, canvas.getContext('2d')), data = context.createImageData(wide, rows);
      for (let i = 0; i < rows * wide; i++) data.data.set([...at(i), 255], 4 * i);
      context.putImageData(data, 0, 0);
      const zoom = 220 / Math.max(rows, wide);
      canvas.style.width = `${wide * (zoom > 1 ? Math.floor(zoom) : zoom)}px`;
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', label);
      return canvas;
    };
    if (given) paint('the input', i => given.subarray(3 * i, 3 * i + 3));
    const over = paint('what each patch adds, over the picture', i => {
      const grey = given ? (given[3 * i] + given[3 * i + 1] + given[3 * i + 2]) / 3 : paper[0], a = 0.85 * Math.sqrt(Math.abs(scores[i]) / most);
      return paper.map((p, k) => { const ground = p + (grey - p) * 0.5; return Math.round(ground + (inks[scores[i] > 0 ? 0 : 1][k] - ground) * a); });
    });
    over.className = 'wb-scores';
    over.addEventListener('mousemove', event => {
      const b = over.getBoundingClientRect(), i = Math.floor((event.clientY - b.top) / b.height * rows) * wide + Math.floor((event.clientX - b.left) / b.width * wide);
      tell(`${signed(scores[i] ?? 0)} for each pixel here`);
    });
  };

  const select = (name, key, options, value, label) => {
    if (options.length < 2) return;
    const box = focusable(el('select', '', el('label', '', turns, name)), label);
    for (const { value: of, text } of options) el('option', '', box, text).value = of;
    box.value = value;
    box.addEventListener('change', () => ask({ [key]: key === 'target' ? +box.value : box.value }));
  };
  const all = f => {
    right.replaceChildren();
    const tabs = el('div', 'wb-segments', right);
    for (const name of Object.keys(charts)) button(tabs, name, () => { look.chart = name; all(f); }, `Show ${name}`).setAttribute('aria-pressed', String(name === look.chart));
    el('span', 'wb-dim', tabs, `${f.rows} examples`);
    charts[look.chart](right, f);
    if (!f.values) return;
    el('h4', '', right, `what ${f.meta.names[f.meta.feature]} adds`);
    scatter(right, f);
  };

  return {
    whole(frame, dark) {
      last = frame;
      const { meta } = last, f = read(last), at = root.getRootNode().activeElement?.getAttribute?.('aria-label');
      turns.replaceChildren();
      select('method', 'method', meta.methods, meta.method, 'Method');
      select('explain', 'target', meta.choices, meta.chosen, 'What is explained');
      if (!meta.final) button(turns, 'Stop', () => ask({ stop: true }), 'Stop improving');
      if (meta.places.length && meta.example) button(turns, 'Back to the one on show', () => ask({ example: 0 }));
      legend.replaceChildren();
      el('span', '', legend, meta.target);
      for (const [name, text] of [['wb-second', 'adds to it'], ['wb-accent', 'takes from it']]) {
        const item = el('span', 'wb-dim', legend);
        el('i', 'wb-swatch', item).style.background = `var(--${name})`;
        el('span', '', item, text);
      }
      left.replaceChildren();
      if (meta.plot.kind === 'tokens') words(left, last);
      if (meta.plot.kind === 'pixels') image(left, last, dark);
      el('h4', '', left, f.rows > 1 ? f.place(meta.example) : 'what pushed the score');
      force(left, f);
      const many = f.rows > 1;
      if (many) waterfall(left, f);
      if (many) all(f); else { right.replaceChildren(); waterfall(right, f); }
      const body = el('tbody', '', el('table', 'wb-facts', many ? left : right));
      for (const [name, text] of meta.facts) {
        const tr = el('tr', '', body);
        el('td', 'wb-dim', tr, name);
        el('td', 'wb-num', tr, text);
      }
      if (at) [...root.querySelectorAll('select, button')].find(one => one.getAttribute('aria-label') === at)?.focus();
    },
    part(frame, dark) { this.whole(frame, dark); },
  };
};
