// Where the parts of an open box stand and how their links run: boxes come in rows; the sums are those of
// workbench/interpret/architecture/placing.py. Nothing here touches the page.
const [GAP_X, GAP_Y, PAD, HEAD, LANE, TALL, FLAT] = [20, 30, 14, 28, 16, 40, 24];

const mean = (list, none = 0) => (list.length ? list.reduce((a, b) => a + b, 0) / list.length : none);

const curve = (x0, y0, x1, y1) => {
  const m = (y0 + y1) / 2;
  return Math.abs(x0 - x1) < 0.5 ? `M${x0} ${y0}V${y1}` : `M${x0} ${y0}C${x0} ${m} ${x1} ${m} ${x1} ${y1}`;
};
const way = points => {
  let out = `M${points[0].join(' ')}`;
  for (let i = 0; i + 2 < points.length; i++) {
    const [[xa, ya], [xb, yb], [xc, yc]] = points.slice(i, i + 3);
    const before = Math.abs(xb - xa) + Math.abs(yb - ya), after = Math.abs(xc - xb) + Math.abs(yc - yb), r = Math.min(7, before / 2, after / 2);
    if (!before || !after) continue;
    out += `L${xb - r * (xb - xa) / before} ${yb - r * (yb - ya) / before}Q${xb} ${yb} ${xb + r * (xc - xb) / after} ${yb + r * (yc - yb) / after}`;
  }
  return `${out}L${points.at(-1).join(' ')}`;
};
const tip = (x, y, dx, dy) => `M${x - 5 * dx - 3.5 * dy} ${y - 5 * dy - 3.5 * dx}L${x} ${y}L${x - 5 * dx + 3.5 * dy} ${y - 5 * dy + 3.5 * dx}`;

// The parts of one open box in rows, with their links; fills width, height, axis, lines and texts of `here`.
const arrange = (here, rows, links, head) => {
  const { inner } = here, count = inner.length, row = new Map([[-1, -1], [count, rows.length]]);
  rows.forEach((parts, r) => parts.forEach(i => row.set(i, r)));
  const left = [], right = [], tops = [], bottoms = [], long = ([s, t]) => row.get(t) - row.get(s) > 1;
  const into = Array.from({ length: count + 1 }, () => []), from = new Map();
  for (const link of links) {
    into[link[1]].push(link);
    if (!from.has(link[0])) from.set(link[0], []);
    from.get(link[0]).push(link);
  }
  rows.forEach((parts, r) => {
    const wanted = new Map(parts.map(i => [i, mean(into[i].filter(l => l[0] >= 0).map(l => inner[l[0]].x + inner[l[0]].axis))]));
    const order = [...parts].sort((a, b) => wanted.get(a) - wanted.get(b) || a - b), middles = [];
    let edge = null;
    for (const i of order) {
      const said = (from.get(i) || []).filter(l => l[1] < count).at(-1);
      middles.push(edge === null ? wanted.get(i) : Math.max(wanted.get(i), edge + GAP_X + inner[i].axis));
      edge = middles.at(-1) + Math.max(inner[i].w - inner[i].axis, said ? 12 + 5.6 * [...said[2]].length : 0);
    }
    const shift = mean(order.map((i, k) => wanted.get(i) - middles[k]));
    order.forEach((i, k) => Object.assign(inner[i], { x: middles[k] + shift - inner[i].axis, row: order.map(j => inner[j]), at: k }));
    left[r] = inner[order[0]].x;
    right[r] = edge + shift;
  });
  let y = head + (links.some(l => l[0] < 0) ? GAP_Y / 2 : head ? PAD / 2 : 0);
  rows.forEach((parts, r) => {
    const tall = Math.max(...parts.map(i => inner[i].h));
    for (const i of parts) inner[i].y = y + (tall - inner[i].h) / 2;
    tops[r] = y;
    bottoms[r] = y + tall;
    y += tall + GAP_Y;
  });
  here.h = bottoms.at(-1) + (links.some(l => l[1] === count) ? GAP_Y / 2 : head ? PAD : 0);
  const lanes = new Map(), last = new Map(), key = l => `${l[0]},${l[3] ? 1 : 0}`;
  for (const link of links) if (long(link)) last.set(key(link), [link[0], link[3], Math.max(last.get(key(link))?.[2] ?? 0, row.get(link[1]))]);
  for (const [source, residual, end] of [...last.values()].sort((a, b) => (a[2] - row.get(a[0])) - (b[2] - row.get(b[0])) || a[0] - b[0] || a[1] - b[1])) {
    const start = source < 0 ? 0 : inner[source].x + inner[source].axis;
    const [side, sign] = residual || start < 0 ? [left, -1] : [right, 1];
    let x = Math.max(LANE, sign * start);
    for (let r = row.get(source) + 1; r < end; r++) x = Math.max(x, sign * side[r] + LANE);
    for (let r = row.get(source) + 1; r < end; r++) side[r] = sign * x;
    lanes.set(`${source},${residual ? 1 : 0}`, sign * x);
  }
  here.axis = Math.max(PAD - Math.min(...left), head ? 0 : here.w / 2);
  here.w = Math.max(here.axis + Math.max(...right) + PAD, head ? here.head : 0);
  for (const one of inner) one.x += here.axis;
  const below = s => (s < 0 ? [here.axis, head] : [inner[s].x + inner[s].axis, inner[s].y + inner[s].h]);
  const above = t => (t >= count ? [here.axis, here.h] : [inner[t].x + inner[t].axis, inner[t].y]);
  const said = new Set();
  for (const link of links) {
    const [source, target, text, residual] = link, [x0, y0] = below(source), inside = target < count;
    let [x1, y1] = above(target);
    if (source >= 0 && inside && text && !said.has(source)) {
      said.add(source);
      const ways = from.get(source).map(l => (long(l) ? here.axis + lanes.get(key(l)) : above(l[1])[0]));
      here.texts.push({ x: x0, y: y0 + 15, text, side: ways.some(x => x > x0 + 1) ? -1 : 1 });
    }
    const line = { residual, text, x0: Math.min(x0, x1), x1: Math.max(x0, x1), y0, y1 };
    here.lines.push(line);
    if (!long(link)) {
      if (inside && source >= 0) {
        const near = into[target].filter(l => l[0] >= 0 && !long(l)).sort((a, b) => inner[a[0]].x - inner[b[0]].x);
        x1 += (near.indexOf(link) - (near.length - 1) / 2) * Math.min(12, Math.max(0, inner[target].w - 16) / Math.max(1, near.length));
      }
      line.d = curve(x0, y0, x1, y1) + (inside ? tip(x1, y1, 0, 1) : '');
      continue;
    }
    const x = here.axis + lanes.get(key(link)), turn = (source < 0 ? head : bottoms[row.get(source)]) + 7, one = inner[target];
    const toLeft = inside && x < one.x + one.axis, beside = inside && !one.open && (toLeft ? one.at === 0 : one.at === one.row.length - 1);
    Object.assign(line, { x0: Math.min(line.x0, x), x1: Math.max(line.x1, x) });
    if (beside) {
      const end = [one.x + (toLeft ? 0 : one.w), one.y + one.h / 2];
      line.d = way([[x0, y0], [x0, turn], [x, turn], [x, end[1]], end]) + tip(...end, x < end[0] ? 1 : -1, 0);
    } else {
      const back = (inside ? tops[row.get(target)] : here.h) - 9;
      line.d = way([[x0, y0], [x0, turn], [x, turn], [x, back], [x1, back], [x1, y1]]) + (inside ? tip(x1, y1, 0, 1) : '');
    }
  }
};
