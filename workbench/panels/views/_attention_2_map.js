// One map as a heat map: zoom, pan, a cell under the mouse or the arrow keys, a pinned query.
const heatMap = (kit, parent, hand) => {
  const { el, focusable, button } = kit;
  const grid = el('div', 'wb-map', parent), top = el('div', 'wb-keys', grid), left = el('div', 'wb-queries', grid);
  const cell = el('div', 'wb-cell', grid), heat = focusable(el('canvas', 'wb-heat', cell));
  heat.tabIndex = 0;
  heat.setAttribute('role', 'application');
  const row = el('div', 'wb-row', cell), mark = el('div', 'wb-mark', cell);
  const below = el('div', 'wb-below', parent), scale = el('span', 'wb-scale wb-num wb-dim', below);
  const low = el('span', '', scale), bar = el('canvas', '', scale), high = el('span', '', scale), note = el('span', 'wb-dim', below);
  const zooms = el('span', 'wb-zoom', below);
  let f = null, names = null, view = null, size = 1, drag = null, bare = false;

  const whole = () => [0, f.rows, 0, f.cols];
  const zoomed = () => view && (view[1] - view[0] < f.rows || view[3] - view[2] < f.cols);
  // The part of a line of n around a position, grown or shrunk by a factor, at least four long.
  const scaled = (a, b, n, factor, at) => {
    const long = Math.max(Math.min(4, n), Math.min(n, Math.round((b - a) * factor))), start = Math.round(at - (at - a) * long / (b - a));
    const first = Math.max(0, Math.min(n - long, start));
    return [first, first + long];
  };
  const zoom = (factor, i = (view[0] + view[1]) / 2, j = (view[2] + view[3]) / 2) => see([...scaled(view[0], view[1], f.rows, factor, i), ...scaled(view[2], view[3], f.cols, factor, j)]);
  const pan = (di, dj) => {
    const y = Math.max(-view[0], Math.min(f.rows - view[1], di)), x = Math.max(-view[2], Math.min(f.cols - view[3], dj));
    see([view[0] + y, view[1] + y, view[2] + x, view[3] + x]);
  };
  const see = next => {
    if (next.every((v, k) => v === view[k])) return;
    view = next;
    draw();
    hand.seen(view);
  };
  const out = button(zooms, '−', () => zoom(1.6), 'Zoom out'), all = button(zooms, 'all', () => see(whole()), 'Show the whole map'), into = button(zooms, '+', () => zoom(0.625), 'Zoom in');
  into.title = 'Ctrl+wheel, double click, + −; drag moves';

  const labels = (parent, list, first, end, vertical) => {
    parent.replaceChildren();
    const step = Math.max(1, Math.ceil((vertical ? 12 : 16) / size)), on = vertical ? hand.at.query : hand.at.key;
    const mine = k => k === on || k >= first && k < end && hand.found(list[k]);
    for (let i = first; i < end; i++) {
      if (!mine(i) && ((i - first) % step || Array.from({ length: 2 * step - 1 }, (_, k) => i + k - step + 1).some(mine))) continue;
      const label = el('span', 'wb-mono', parent, list[i]);
      label.title = list[i];
      label.style[vertical ? 'top' : 'left'] = `${(i - first + 0.5) * size}px`;
      if (i === on) label.dataset.on = 'true';
      if (hand.found(list[i])) label.dataset.found = 'true';
    }
  };
  const outline = () => {
    const { query, key, pinned } = hand.at, inRows = query >= view[0] && query < view[1], thick = Math.max(3, size);
    row.hidden = !inRows;
    row.dataset.pinned = String(pinned);
    Object.assign(row.style, { top: `${(query - view[0]) * size + Math.min(0, (size - thick) / 2)}px`, width: `${(view[3] - view[2]) * size}px`, height: `${thick}px` });
    mark.hidden = !inRows || key < view[2] || key >= view[3];
    Object.assign(mark.style, { left: `${(key - view[2]) * size + Math.min(0, (size - thick) / 2)}px`, top: row.style.top, width: `${thick}px`, height: `${thick}px` });
  };
  const point = () => {
    if (bare) left.replaceChildren(); else labels(left, names.queries, view[0], view[1], true);
    labels(top, names.keys, view[2], view[3], false);
    outline();
  };
  const draw = () => {
    const tall = view[1] - view[0], wide = view[3] - view[2], table = hand.inks(), gutter = bare ? 8 : Math.min(hand.wide() ? 86 : 64, 14 + 7.3 * Math.max(...names.queries.slice(0, 400).map(n => n.length), 1));
    grid.style.gridTemplateColumns = `${gutter}px 1fr`;
    size = Math.min(26, hand.room(gutter) / Math.max(tall, wide));
    painted(heat, f, view, table);
    heat.style.width = `${wide * size}px`;
    heat.style.height = `${tall * size}px`;
    heat.style.imageRendering = size < 1 ? 'auto' : 'pixelated';
    heat.style.cursor = zoomed() ? 'grab' : 'crosshair';
    heat.setAttribute('aria-label', `Attention of ${hand.title()}: ${f.rows} queries by ${f.cols} keys; arrow keys move, Enter pins, + and - zoom, / finds`);
    bar.width = 128;
    bar.height = 1;
    const context = bar.getContext('2d'), image = context.createImageData(128, 1), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < 128; i++) pixels[i] = (f.signed ? table.both : table.one)[Math.round(i * 255 / 127)];
    context.putImageData(image, 0, 0);
    low.textContent = f.signed ? figure(-f.top) : '0';
    high.textContent = figure(f.top);
    note.textContent = f.exact ? '' : `a pixel is the strongest of ${f.patch[0]} × ${f.patch[1]}`;
    out.disabled = all.disabled = !zoomed();
    into.disabled = Math.max(tall, wide) <= 4;
    zooms.hidden = hand.follows || Math.max(f.rows, f.cols) < 24;
    point();
  };
  const under = event => {
    const box = heat.getBoundingClientRect(), part = (v, from, long, n) => Math.min(n - 1, Math.max(0, Math.floor((v - from) / long * n)));
    return [view[0] + part(event.clientY, box.top, box.height, view[1] - view[0]), view[2] + part(event.clientX, box.left, box.width, view[3] - view[2])];
  };

  heat.addEventListener('pointermove', event => {
    if (drag && zoomed()) {
      const di = Math.round((drag.y - event.clientY) / size), dj = Math.round((drag.x - event.clientX) / size);
      if (!drag.moved && Math.hypot(drag.x - event.clientX, drag.y - event.clientY) < 5) return;
      drag.moved = true;
      see([drag.view[0] + clip(di, drag.view, 0, f.rows), drag.view[1] + clip(di, drag.view, 0, f.rows), drag.view[2] + clip(dj, drag.view, 2, f.cols), drag.view[3] + clip(dj, drag.view, 2, f.cols)]);
    } else hand.over(...under(event));
  });
  const clip = (d, v, k, n) => Math.max(-v[k], Math.min(n - v[k + 1], d));
  heat.addEventListener('pointerdown', event => { drag = { x: event.clientX, y: event.clientY, view, moved: false }; if (zoomed()) heat.setPointerCapture(event.pointerId); });
  heat.addEventListener('pointerup', event => {
    if (drag && !drag.moved) hand.pin(...under(event));
    drag = null;
  });
  heat.addEventListener('pointerleave', () => { drag = null; hand.leave(); });
  heat.addEventListener('dblclick', event => zoom(0.5, ...under(event)));
  heat.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, ...under(event));
  }, { passive: false });
  heat.addEventListener('keydown', event => {
    const move = ARROWS[event.key];
    if (move && event.shiftKey) pan(move[0] * Math.ceil((view[1] - view[0]) / 8), move[1] * Math.ceil((view[3] - view[2]) / 8));
    else if (move) {
      hand.move(...move);
      const { query: i, key: j } = hand.at;
      pan(i < view[0] ? i - view[0] : Math.max(0, i - view[1] + 1), j < view[2] ? j - view[2] : Math.max(0, j - view[3] + 1));
    } else if (event.key === '+' || event.key === '=') zoom(0.625, hand.at.query + 0.5, hand.at.key < 0 ? undefined : hand.at.key + 0.5);
    else if (event.key === '-') zoom(1.6);
    else if (event.key === '0') see(whole());
    else if (!hand.key(event)) return;
    event.preventDefault();
  });
  return {
    // What is in sight and not held at full detail; null where nothing is missing.
    missing() {
      if (!f || f.exact && view[0] >= f.span[0] && view[1] <= f.span[1] && view[2] >= f.span[2] && view[3] <= f.span[3]) return null;
      return view.every((v, k) => v === f.span[k]) ? null : view;
    },
    window() { return f && zoomed() && Math.max(f.rows, f.cols) > 512 ? view : null; },
    // Another map of the same positions was zoomed or moved.
    look(next) { if (f && view && next[1] <= f.rows && next[3] <= f.cols && next.some((v, k) => v !== view[k])) { view = next; draw(); } },
    show(next, called, unnamed = false) {
      const same = f && f.rows === next.rows && f.cols === next.cols;
      f = next;
      names = called;
      bare = unnamed;
      if (!same || !view) view = whole();
      draw();
    },
    again() { if (f) draw(); },
    point() { if (f) point(); },
    box: grid, below, heat,
  };
};
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
