// Saliency: what spoke for and against a score, on tokens, on pixels or on columns.
export default (kit, root, ask) => {
  const { el, focusable } = kit;
  root.className = 'wb-saliency';
  const legend = el('div', 'wb-legend', root), cols = el('div', 'wb-cols', root);
  const main = el('div', '', cols), side = el('div', '', cols);
  const left = el('div', ''), hover = el('p', 'wb-mono wb-dim wb-hover', left, ' ');
  cols.prepend(left);
  left.prepend(main);
  hover.style.marginLeft = 0;
  let dark = false, point = [], told = null;
  const colour = v => {
    const [r, g, b] = v > 0 ? (dark ? [255, 180, 84] : [230, 119, 0]) : dark ? [145, 167, 255] : [59, 91, 219];
    return `rgba(${r},${g},${b},${(0.08 + 0.67 * Math.min(1, Math.abs(v))).toFixed(3)})`;
  };
  const signed = v => (v >= 0 ? '+' : '−') + Math.abs(v).toPrecision(3);

  const tokens = (to, meta, scores, top) => {
    const box = el('div', 'wb-tokens', to);
    scores.forEach((v, i) => {
      const token = el('span', 'wb-tok', box, meta.labels[i]);
      if (Math.abs(v) > 0.02 * top) token.style.background = colour(v / top);
      token.title = signed(v);
      token.dataset.on = String(i === meta.token);
      token.addEventListener('click', () => ask({ token: i }));
      token.addEventListener('mouseenter', () => { hover.textContent = `${meta.labels[i]}  ${signed(v)}`; });
    });
  };
  const columns = (to, meta, scores, most) => {
    const order = [...scores.keys()].sort((a, b) => Math.abs(scores[b]) - Math.abs(scores[a])).slice(0, 24);
    const table = el('table', '', to), head = el('tr', '', el('thead', '', table)), body = el('tbody', '', table);
    const given = meta.values.length > 0;
    for (const name of [meta.unit, ...(given ? ['value'] : []), 'score', '']) el('th', '', head, name);
    const top = Math.max(1e-12, most);
    for (const i of order) {
      const tr = el('tr', '', body);
      el('td', 'wb-mono', tr, meta.labels[i]);
      if (given) el('td', 'wb-num', tr, meta.values[i]);
      el('td', 'wb-num', tr, signed(scores[i]));
      const bar = el('span', 'wb-both', el('td', '', tr)), i0 = el('i', '', bar), share = 50 * Math.abs(scores[i]) / top;
      Object.assign(i0.style, { background: colour(Math.sign(scores[i])), width: `${share}%`, left: scores[i] > 0 ? '50%' : `${50 - share}%` });
    }
  };
  const canvas = (parent, rows, wide, paint, label) => {
    const node = el('canvas', '', parent), context = (node.width = wide, node.height = rows, node.getContext('2d'));
    const image = context.createImageData(wide, rows);
    for (let i = 0; i < rows * wide; i++) image.data.set(paint(i), 4 * i);
    context.putImageData(image, 0, 0);
    node.style.width = `${wide * Math.max(1, Math.floor(280 / Math.max(rows, wide)))}px`;
    node.setAttribute('role', 'img');
    node.setAttribute('aria-label', label);
    return node;
  };
  const pixels = (to, meta, scores, top, { scores: { shape: [rows, wide] }, image: picture }) => {
    const box = el('div', 'wb-pixels', to), [y0, x0] = point;
    // A pixel is pointed at by a click or by arrow keys, in every picture of the same size.
    const under = (event, map) => {
      const b = map.getBoundingClientRect(), fit = (v, most) => Math.max(0, Math.min(most - 1, Math.floor(v * most)));
      return [fit((event.clientY - b.top) / b.height, rows), fit((event.clientX - b.left) / b.width, wide)];
    };
    const pointed = map => {
      if (y0 < rows && x0 < wide) Object.assign(el('i', 'wb-point', map.parentNode).style, { top: `${100 * y0 / rows}%`, left: `${100 * x0 / wide}%`, height: `${100 / rows}%`, width: `${100 / wide}%` });
      map.addEventListener('click', event => { const [y, x] = under(event, map); ask({ row: y, column: x }); });
    };
    const paper = dark ? [24, 26, 31] : [255, 255, 255], plus = dark ? [255, 180, 84] : [194, 94, 0], minus = dark ? [145, 167, 255] : [40, 70, 190];
    if (picture) {
      const image = kit.values(picture), given = el('div', '', box);
      el('h4', '', given, 'input');
      pointed(canvas(el('div', 'wb-over', given), rows, wide, i => [image[3 * i], image[3 * i + 1], image[3 * i + 2], 255], 'the input'));
    }
    const shown = el('div', '', box);
    el('h4', '', shown, 'what spoke for and against');
    const map = canvas(el('div', 'wb-over', shown), rows, wide, i => {
      const v = Math.max(-1, Math.min(1, scores[i] / top)), to = v > 0 ? plus : minus, a = Math.sqrt(Math.abs(v));
      return [...paper.map((p, k) => Math.round(p + (to[k] - p) * a)), 255];
    }, 'scores of the pixels; arrow keys point at one');
    map.className = 'wb-scores';
    map.tabIndex = 0;
    focusable(map).setAttribute('role', 'application');
    pointed(map);
    const say = (y, x) => { hover.textContent = `row ${y}, column ${x}  ${signed(scores[y * wide + x])}`; };
    map.addEventListener('mousemove', event => say(...under(event, map)));
    map.addEventListener('keydown', event => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      ask({ row: Math.max(0, Math.min(rows - 1, (y0 ?? 0) + move[0])), column: Math.max(0, Math.min(wide - 1, (x0 ?? 0) + move[1])) });
    });
    if (y0 < rows && x0 < wide) told = () => say(y0, x0);
  };

  return {
    whole(frame, isDark) {
      dark = isDark;
      point = frame.meta.pixel || [];
      told = null;
      const had = root.getRootNode().activeElement?.className === 'wb-scores' && root.contains(root.getRootNode().activeElement);
      const { meta, arrays } = frame, top = meta.top || 1e-12, second = meta.other;
      const kind = { tokens, columns, pixels };
      const block = (about, parts, heading) => {
        const to = el('div', '', main);
        if (heading) el('h4', '', to, heading);
        if (about !== meta) el('p', 'wb-dim', to, about.target);
        kind[about.kind](to, about, kit.values(parts.scores), top, parts);
      };
      legend.replaceChildren();
      main.replaceChildren();
      side.replaceChildren();
      el('span', '', legend, meta.target);
      for (const [v, text] of [[1, 'speaks for it'], [-1, 'against it']]) {
        const item = el('span', 'wb-dim', legend);
        el('i', 'wb-swatch', item).style.background = colour(v);
        el('span', '', item, text);
      }
      if (meta.choices.length > 1) {
        const label = el('label', '', legend, 'explain'), select = focusable(el('select', '', label), 'What is explained');
        for (const { value, text } of meta.choices) el('option', '', select, text).value = value;
        select.value = meta.chosen;
        select.addEventListener('change', () => ask({ target: +select.value }));
      }
      main.className = second ? 'wb-pair' : '';
      block(meta, arrays, second && 'first input');
      if (second) block(second, { scores: arrays.other_scores, image: arrays.other_image }, 'second input');
      el('h4', '', side, 'Figures');
      const body = el('tbody', '', el('table', 'wb-facts', side));
      for (const [name, figure] of meta.facts) {
        const tr = el('tr', '', body);
        el('td', 'wb-dim', tr, name);
        el('td', 'wb-num', tr, figure).title = figure;
      }
      hover.textContent = meta.kind === 'columns' ? '' : 'hover for the figure';
      told?.();
      if (had) main.querySelector('.wb-scores')?.focus();
    },
    part(frame, isDark) { this.whole(frame, isDark); },
  };
};
