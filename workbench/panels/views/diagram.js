// Diagram: the architecture as a real forward ran it. It is folded and moved through; only what is in sight is in the page.

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
      items.push({ id: here.key, layer: 2 * here.level, x0: x, y0: y - 6, x1: x + here.w, y1: y + here.h, make: parent => drawNode(focusable, here, parent, { cursor, chosen }) });
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

  const save = () => {
    const link = el('a'), url = URL.createObjectURL(new Blob([standalone(svg, view, items)], { type: 'image/svg+xml' }));
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
