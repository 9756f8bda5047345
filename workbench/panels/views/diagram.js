// Diagram: the architecture as a real forward ran it. Boxes come in rows; the sums that place them are those of
// workbench/interpret/placing.py. Only what is in sight is in the page.
const NS = 'http://www.w3.org/2000/svg';
const [GAP_X, GAP_Y, PAD, HEAD, LANE, TALL, FLAT] = [20, 30, 14, 28, 16, 40, 24];

const svgEl = (tag, cls, parent, attributes = {}, text = null) => {
  const node = document.createElementNS(NS, tag);
  if (cls) node.setAttribute('class', cls);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) node.textContent = text;
  parent?.append(node);
  return node;
};
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

export default (kit, root, ask) => {
  const { el, button, focusable } = kit;
  root.className = 'wb-diagram';
  el('style', '', root, style);
  const bar = el('div', 'wb-tools', root);
  button(bar, '−', () => zoom(0.8), 'Zoom out');
  const size = button(bar, '100 %', () => zoom(1 / scale), 'Zoom to actual size');
  button(bar, '+', () => zoom(1.25), 'Zoom in');
  button(bar, 'Fit width', () => fit());
  button(bar, 'Fold', () => unfold(0), 'Fold all modules');
  button(bar, 'Unfold', () => unfold(99), 'Unfold all modules');
  button(bar, 'Save drawing', () => save(), 'Save the whole drawing as SVG');
  el('span', 'wb-space', bar);
  for (const name of ['attention', 'residual']) {
    el('i', `wb-key wb-${name}`, bar);
    el('span', 'wb-dim', bar, name);
  }
  const cols = el('div', 'wb-plan', root), view = el('div', 'wb-view', cols), side = el('div', 'wb-side', cols);
  const svg = svgEl('svg', '', view, { role: 'tree', 'aria-label': 'Architecture' });
  let boxes = [], depth = 1, model = '', scale = 1, whole = null, items = [], nodes = [], shown = new Map(), layers = [];
  let cursor = '', chosen = '';
  const open = new Map(), spread = new Set();

  // Which boxes are open, and where everything is.
  const isOpen = (box, level, key) => {
    if (!box.rows) return false;
    return open.get(key) ?? (level < depth && !(box.plain && level > 0));
  };
  const place = ([name, index, width, head, absolute, title, under], level, key, around) => {
    const box = boxes[index], one = boxes[box.parts?.[0][1]];
    const path = box.kind === 'module' ? (absolute || !around ? name : `${around}.${name}`) : around;
    const here = { name, box, title, under, head, level, key, path, w: width, h: box.kind === 'operation' ? FLAT : TALL, axis: width / 2, inner: [], lines: [], texts: [] };
    here.open = level < 0 || isOpen(box, level, key);
    if (!here.open) return here;
    const single = level >= 0 && box.kind === 'group' && one.rows && !spread.has(key), drawn = single ? one : box;
    const first = box.parts[0], inside = single ? (first[4] || !around ? first[0] : `${around}.${first[0]}`) : path;
    Object.assign(here, { w: 0, single, many: box.kind === 'group' && level >= 0 });
    here.inner = drawn.parts.map((part, i) => Object.assign(place(part, level + 1, `${key}.${i}`, inside), { parent: here }));
    arrange(here, drawn.rows, drawn.links, level < 0 ? 0 : HEAD);
    return here;
  };
  const flatten = (here, x, y) => {
    Object.assign(here, { X: x, Y: y });
    if (here.level >= 0) {
      nodes.push(here);
      items.push({ id: here.key, layer: 2 * here.level, x0: x, y0: y - 6, x1: x + here.w, y1: y + here.h, make: parent => drawNode(here, parent) });
    }
    here.lines.forEach((line, i) => items.push({
      id: `${here.key}/${i}`, layer: 2 * here.level + 1, x0: x + line.x0 - 8, y0: y + Math.min(line.y0, line.y1), x1: x + line.x1 + 8, y1: y + Math.max(line.y0, line.y1) + 8,
      make: parent => {
        const path = svgEl('path', line.residual ? 'wb-residual' : 'wb-way', parent, { d: line.d, transform: `translate(${x} ${y})` });
        if (line.text) svgEl('title', '', path, {}, line.residual ? `${line.text}, residual` : line.text);
        return path;
      },
    }));
    here.texts.forEach((t, i) => items.push({
      id: `${here.key}:${i}`, layer: 2 * here.level + 2, x0: x + t.x - 150, y0: y + t.y - 12, x1: x + t.x + 150, y1: y + t.y + 4,
      make: parent => svgEl('text', 'wb-shape', parent, { x: x + t.x + 6 * t.side, y: y + t.y, 'text-anchor': t.side < 0 ? 'end' : 'start' }, t.text),
    }));
    for (const one of here.inner) flatten(one, x + one.x, y + one.y);
  };
  const layout = () => {
    items = [];
    nodes = [];
    whole = place(['', boxes.length - 1, 0, 0, false, '', ''], -1, '', '');
    flatten(whole, PAD, PAD);
    if (!nodes.some(n => n.key === cursor)) cursor = nodes.find(n => n.box.kind === 'module')?.key ?? nodes[0]?.key ?? '';
    svg.replaceChildren();
    shown = new Map();
    layers = [];
    resize();
  };
  const resize = () => {
    const w = whole.w + 2 * PAD, h = whole.h + 2 * PAD;
    for (const [name, value] of [['width', w * scale], ['height', h * scale], ['viewBox', `0 0 ${w} ${h}`]]) svg.setAttribute(name, value);
    size.textContent = `${Math.round(100 * scale)} %`;
    cull();
  };

  const drawNode = (here, parent) => {
    const { box, w, h, title, under } = here, foldable = Boolean(box.rows), call = box.kind === 'operation', ends = box.kind === 'input' || box.kind === 'output';
    const g = focusable(svgEl('g', 'wb-node', parent, { transform: `translate(${here.X} ${here.Y})`, role: 'treeitem', tabindex: here.key === cursor ? 0 : -1 }), say(here));
    g.setAttribute('aria-level', here.level + 1);
    g.setAttribute('aria-selected', String(here.key === chosen));
    if (foldable) g.setAttribute('aria-expanded', String(here.open));
    Object.assign(g.dataset, { key: here.key, kind: box.kind, open: here.open, odd: here.level % 2, attention: Boolean(box.attention), residual: Boolean(call && box.residuals) });
    if (box.kind === 'group' && !here.open) svgEl('rect', 'wb-behind', g, { x: 4, y: 4, width: w, height: h, rx: 7 });
    svgEl('rect', 'wb-box', g, { width: w, height: h, rx: call ? FLAT / 2 : ends ? h / 2 : here.open ? 9 : 7 });
    if (here.open) {
      const heading = svgEl('text', 'wb-title', g, { x: 19, y: 18 }, title);
      if (here.name) svgEl('tspan', 'wb-under', heading, { dx: 8 }, here.name);
    } else {
      const sign = call && [...title].length === 1;
      svgEl('text', sign ? 'wb-sign' : call ? 'wb-call' : 'wb-title', g, { x: w / 2, y: call ? (sign ? 17 : 16) : 17, 'text-anchor': 'middle' }, title);
      if (under) svgEl('text', 'wb-under', g, { x: w / 2, y: 32, 'text-anchor': 'middle' }, under);
      let right = w;
      for (const [count, name] of call || ends ? [] : [[box.attentions, 'attention'], [box.residuals, 'residual']]) {
        if (count) svgEl('circle', `wb-dots wb-${name}`, g, { cx: (right -= 13), cy: 0, r: 4 });
      }
    }
    if (foldable) svgEl('text', 'wb-fold', g, { x: 6, y: here.open ? 18 : h / 2 + 4 }, here.open ? '▾' : '▸');
    if (box.kind === 'group') svgEl('text', 'wb-times', g, { x: w - 12, y: 18, 'text-anchor': 'end' }, `× ${box.parts.length}`);
    return g;
  };
  const say = ({ box, name, open: opened }) => [
    box.kind === 'operation' ? box.type : [box.type, name].filter(Boolean).join(' '), box.kind === 'group' && `${box.parts.length} times`, box.output,
    box.attention && 'attention', box.kind === 'operation' && box.residuals && 'residual', box.rows && (opened ? 'open' : 'folded'),
  ].filter(Boolean).join(', ');

  // Only what is in sight, and what has the focus, is in the page.
  const cull = () => {
    const far = 240, [x0, y0] = [view.scrollLeft / scale - far, view.scrollTop / scale - far];
    const [x1, y1] = [x0 + view.clientWidth / scale + 2 * far, y0 + view.clientHeight / scale + 2 * far], keep = new Set();
    for (const item of items) {
      if (item.id !== cursor && (item.x1 < x0 || item.x0 > x1 || item.y1 < y0 || item.y0 > y1)) continue;
      keep.add(item.id);
      if (shown.has(item.id)) continue;
      while (layers.length <= item.layer + 1) layers.push(svgEl('g', '', svg, { role: 'none' }));
      shown.set(item.id, item.make(layers[item.layer + 1]));
    }
    for (const [id, node] of shown) if (!keep.has(id)) { node.remove(); shown.delete(id); }
  };
  let waiting = 0;
  view.addEventListener('scroll', () => { waiting ||= requestAnimationFrame(() => { waiting = 0; cull(); }); });
  new ResizeObserver(() => { if (whole && view.clientWidth) cull(); }).observe(view);

  const zoom = (factor, [px, py] = [view.clientWidth / 2, view.clientHeight / 2]) => {
    const before = scale;
    scale = Math.min(3, Math.max(0.2, scale * factor));
    const [x, y] = [(view.scrollLeft + px) / before, (view.scrollTop + py) / before];
    resize();
    view.scrollTo(x * scale - px, y * scale - py);
    cull();
  };
  const fit = () => { zoom(Math.min(1.25, Math.max(0.4, (view.clientWidth - 4) / (whole.w + 2 * PAD))) / scale, [0, 0]); };

  // Folding keeps the box where it is on the screen.
  const again = (key, focused) => {
    const old = nodes.find(n => n.key === key), at = old && [old.X * scale - view.scrollLeft, old.Y * scale - view.scrollTop];
    layout();
    const now = nodes.find(n => n.key === key);
    if (at && now) view.scrollTo(now.X * scale - at[0], now.Y * scale - at[1]);
    cull();
    if (focused) shown.get(key)?.focus({ preventScroll: true });
  };
  const toggle = here => {
    if (!here.box.rows) return;
    open.set(here.key, !here.open);
    cursor = here.key;
    again(here.key, true);
    tell(nodes.find(n => n.key === here.key));
  };
  const scatter = here => {
    if (here.box.kind !== 'group') return;
    if (here.open && spread.has(here.key)) spread.delete(here.key); else spread.add(here.key);
    open.set(here.key, true);
    cursor = here.key;
    again(here.key, true);
  };
  const unfold = levels => {
    open.clear();
    spread.clear();
    depth = levels;
    again(cursor, false);
  };

  const point = here => {
    shown.get(cursor)?.setAttribute('tabindex', -1);
    cursor = here.key;
    shown.get(cursor)?.setAttribute('tabindex', 0);
    tell(here);
  };
  const focus = here => {
    const [x, y, w, h] = [here.X, here.Y, here.w, Math.min(here.h, 60)].map(v => v * scale), room = 30;
    if (y < view.scrollTop + room) view.scrollTop = y - room;
    if (y + h > view.scrollTop + view.clientHeight - room) view.scrollTop = y + h - view.clientHeight + room;
    if (x < view.scrollLeft || x + w > view.scrollLeft + view.clientWidth) view.scrollLeft = x - room;
    point(here);
    cull();
    shown.get(cursor)?.focus({ preventScroll: true });
  };
  const choose = here => {
    shown.get(chosen)?.setAttribute('aria-selected', 'false');
    chosen = here.key;
    shown.get(chosen)?.setAttribute('aria-selected', 'true');
    tell(here);
    if (here.box.kind === 'module' || here.single) ask({ module: here.path || '', part: here.box.kind });
  };
  const tell = here => {
    side.replaceChildren();
    if (!here) return;
    const { box, name, path } = here;
    el('h4', '', side, box.kind === 'more' ? 'torch calls' : box.kind === 'group' ? `${box.parts.length} equal modules` : box.kind);
    el('b', '', side, box.type === 'input' || box.type === 'output' ? name : box.type);
    const body = el('tbody', '', el('table', 'wb-facts', side));
    const rows = [
      ['path', box.kind === 'module' ? path || '(the model)' : box.kind === 'group' ? name : box.kind === 'operation' && path],
      ['output', box.output], ['parameters', box.parameters && box.parameters.toLocaleString('en')],
      ['torch calls', box.kind !== 'operation' && box.operations && box.operations.toLocaleString('en')],
      ['attention', box.attentions], ['residual additions', box.residuals], ['calls', box.kind === 'more' && name],
    ];
    for (const [label, value] of rows) {
      if (!value) continue;
      const tr = el('tr', '', body);
      el('td', 'wb-dim', tr, label);
      el('td', 'wb-mono', tr, value);
    }
    el('p', 'wb-dim', side, 'Arrow keys move, Enter folds, x lists what repeats, + − 0 zoom.');
  };

  const of = event => nodes.find(n => n.key === event.target.closest?.('.wb-node')?.dataset.key);
  let drag = null;
  view.addEventListener('pointerdown', event => {
    if (event.button || event.pointerType === 'touch') return;
    drag = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop, moved: false };
  });
  view.addEventListener('pointermove', event => {
    if (!drag || !event.buttons) { drag = null; return; }
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    drag.moved ||= Math.hypot(dx, dy) > 4;
    if (drag.moved) view.scrollTo(drag.left - dx, drag.top - dy);
  });
  view.addEventListener('click', event => {
    const here = of(event), moved = drag?.moved;
    drag = null;
    if (!here || moved) return;
    focus(here);
    const on = name => event.target.classList.contains(name);
    if (on('wb-times')) scatter(here); else if (on('wb-fold')) toggle(here); else choose(here);
  });
  view.addEventListener('focusin', event => { const here = of(event); if (here && here.key !== cursor) point(here); });
  view.addEventListener('dblclick', event => { const here = of(event); if (here) toggle(here); });
  view.addEventListener('pointerover', event => tell(of(event) ?? nodes.find(n => n.key === (chosen || cursor))));
  view.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = view.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), [event.clientX - box.left, event.clientY - box.top]);
  }, { passive: false });
  view.addEventListener('keydown', event => {
    const at = nodes.findIndex(n => n.key === cursor), here = nodes[at];
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowDown: () => focus(nodes[Math.min(at + 1, nodes.length - 1)]), ArrowUp: () => focus(nodes[Math.max(at - 1, 0)]),
      ArrowRight: () => focus(here.row?.[here.at + 1] ?? here.inner[0] ?? here),
      ArrowLeft: () => focus(here.row?.[here.at - 1] ?? (here.parent?.level >= 0 ? here.parent : here)),
      Home: () => focus(nodes[0]), End: () => focus(nodes.at(-1)),
      Enter: () => (here.box.rows ? toggle(here) : choose(here)), ' ': () => choose(here), x: () => scatter(here),
      '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), 0: () => zoom(1 / scale),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });

  // The whole drawing with its looks as attributes, so that any program opens it.
  const save = () => {
    const whole_ = svgEl('svg', '', view, { xmlns: NS, viewBox: svg.getAttribute('viewBox'), style: 'position:absolute;visibility:hidden;width:0;height:0' });
    const groups = [];
    for (const item of items) {
      while (groups.length <= item.layer + 1) groups.push(svgEl('g', '', whole_));
      item.make(groups[item.layer + 1]);
    }
    for (const node of whole_.querySelectorAll('rect, path, text, tspan, circle')) {
      const look = getComputedStyle(node), text = node.tagName[0] === 't';
      for (const name of text ? ['fill', 'font-size', 'font-weight', 'font-family'] : ['fill', 'stroke', 'stroke-width']) node.setAttribute(name, look.getPropertyValue(name));
    }
    for (const node of whole_.querySelectorAll('*')) for (const name of node.getAttributeNames()) if (/^(class|role|tabindex|aria-.*|data-.*)$/.test(name)) node.removeAttribute(name);
    const [, , w, h] = svg.getAttribute('viewBox').split(' ');
    const paper = svgEl('rect', '', null, { width: w, height: h, fill: getComputedStyle(view).backgroundColor });
    whole_.prepend(paper);
    whole_.removeAttribute('style');
    whole_.setAttribute('width', w);
    whole_.setAttribute('height', h);
    whole_.remove();
    const text = new XMLSerializer().serializeToString(whole_).replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
    const link = el('a'), url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
    link.href = url;
    link.download = `${model.replace(/[^\p{L}\p{N}._-]+/gu, '-')}-architecture.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };

  return {
    whole(frame) {
      const same = JSON.stringify(frame.meta.boxes) === JSON.stringify(boxes);
      model = frame.meta.model;
      if (same) return;
      boxes = frame.meta.boxes;
      depth = frame.meta.depth;
      open.clear();
      spread.clear();
      layout();
      if (whole.w + 2 * PAD > view.clientWidth && view.clientWidth) fit();
      tell(nodes.find(n => n.key === cursor));
    },
    part() {},
  };
};
