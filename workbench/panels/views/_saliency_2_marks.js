// Drawings over one axis: tokens, columns, traces over time, and the nodes of a graph.
const columnsOf = (el, to, inks, meta, scores, most) => {
  const order = [...scores.keys()].sort((a, b) => Math.abs(scores[b]) - Math.abs(scores[a])).slice(0, 24);
  const table = el('table', '', to), head = el('tr', '', el('thead', '', table)), body = el('tbody', '', table);
  const given = meta.values.length > 0;
  for (const name of [meta.unit, ...(given ? ['value'] : []), 'score', '']) el('th', '', head, name);
  for (const i of order) {
    const tr = el('tr', '', body);
    el('td', 'wb-mono', tr, meta.labels[i]);
    if (given) el('td', 'wb-num', tr, meta.values[i]);
    el('td', 'wb-num', tr, signed(scores[i]));
    const bar = el('span', 'wb-both', el('td', '', tr)), i0 = el('i', '', bar), share = 50 * Math.abs(scores[i]) / most;
    Object.assign(i0.style, { background: inks.colour(Math.sign(scores[i])), width: `${share}%`, left: scores[i] > 0 ? '50%' : `${50 - share}%` });
  }
};

// A line over ground whose colour says what spoke for and against, variable by variable.
const traceOf = (kit, to, inks, look, meta, scores, most, { scores: { shape: [count, steps] }, values }, tell) => {
  const { el } = kit, given = kit.values(values), tall = count > 6 ? 64 : 120, wide = Math.max(steps, 1280);
  for (let v = 0; v < count; v++) {
    const box = el('div', 'wb-trace', to), canvas = el('canvas', v ? '' : 'wb-scores', box), context = (canvas.width = wide, canvas.height = tall, canvas.getContext('2d'));
    if (meta.labels[v]) el('span', 'wb-mono wb-dim', box, meta.labels[v]);
    const line = given.subarray(v * steps, (v + 1) * steps), low = Math.min(...line), high = Math.max(...line), each = wide / steps;
    for (let t = 0; t < steps; t++) {
      const share = scores[v * steps + t] / most;
      if (Math.abs(share) < Math.max(0.01, look.hide / 100)) continue;
      context.fillStyle = inks.colour(share);
      context.fillRect(t * each, 0, Math.max(1, each), tall);
    }
    canvas.style.height = `${tall / 2}px`;
    context.lineWidth = 2.4;
    context.strokeStyle = getComputedStyle(box).color;
    context.beginPath();
    for (let t = 0; t < steps; t++) context.lineTo((t + 0.5) * each, 6 + (tall - 12) * (1 - (line[t] - low) / (high - low || 1)));
    context.stroke();
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `${meta.labels[v] || 'the series'} over ${steps} steps, coloured by its scores`);
    canvas.addEventListener('mousemove', event => {
      const b = canvas.getBoundingClientRect(), t = Math.max(0, Math.min(steps - 1, Math.floor((event.clientX - b.left) / b.width * steps)));
      tell(`${meta.labels[v]} step ${t}: ${line[t].toPrecision(4)}  ${signed(scores[v * steps + t])}`.trim());
    });
  }
};

const graphOf = (kit, to, inks, meta, scores, most, { places, edges, edge_scores: strength }, tell) => {
  const { svg } = kit, at = kit.values(places), joined = kit.values(edges), count = joined.length / 2, weights = strength && kit.values(strength);
  const x = i => 14 + 372 * at[2 * i], y = i => 14 + 252 * at[2 * i + 1], heaviest = weights && Math.max(1e-12, ...weights.map(Math.abs));
  const root = svg('svg', to, { viewBox: '0 0 400 280', class: 'wb-net', role: 'img', 'aria-label': 'the graph, its nodes coloured by their scores' });
  for (let e = 0; e < count; e++) {
    const share = weights ? weights[e] / heaviest : 0, [a, b] = [joined[e], joined[count + e]];
    const line = svg('line', root, { x1: x(a), y1: y(a), x2: x(b), y2: y(b), 'stroke-width': weights ? 0.5 + 3 * Math.abs(share) : 0.7 });
    if (weights) { line.style.stroke = inks.colour(share); svg('title', line, {}, `${meta.labels[a]} → ${meta.labels[b]}  ${signed(weights[e])}`); }
  }
  scores.forEach((v, i) => {
    const node = svg('circle', root, { cx: x(i), cy: y(i), r: i === meta.node ? 9 : 5 + 3 * Math.abs(v) / most });
    if (Math.abs(v) > 0.01 * most) node.style.fill = inks.colour(v / most);
    if (i === meta.node) node.dataset.on = 'true';
    svg('title', node, {}, `${meta.labels[i]}  ${signed(v)}`);
    node.addEventListener('mouseenter', () => tell(`${meta.labels[i]}  ${signed(v)}`));
    if (scores.length <= 40) svg('text', root, { x: x(i) + (x(i) > 340 ? -9 : 9), y: y(i) + 4, 'text-anchor': x(i) > 340 ? 'end' : 'start' }, meta.labels[i]);
  });
};
