// Attention: all heads as thumbnails, one head as a heat map with its tokens, and who looks at whom.
export default (kit, root, ask) => {
  const { el, focusable } = kit;
  root.className = 'wb-attention';
  const side = el('div', '', root), middle = el('div', '', root), right = el('div', '', root);
  const title = (parent, text, hint) => { const h = el('h4', '', parent, text); el('span', '', h, hint); return h; };

  title(side, 'All heads', 'layer ↓ head →');
  const overview = focusable(el('canvas', 'wb-thumbs', side), 'All heads: arrow keys choose layer and head');
  overview.tabIndex = 0;
  overview.setAttribute('role', 'application');
  const choose = el('div', 'wb-choose', side), facts = el('table', 'wb-facts', side);
  const pick = { layer: null, head: null };
  pick.layer = kit.slider(choose, 'layer', 0, 0, v => go(v, at.head));
  pick.head = kit.slider(choose, 'head', 0, 0, v => go(at.layer, v));

  title(middle, 'Who looks at what', 'queries ↓ keys →');
  const map = el('div', 'wb-map', middle), top = el('div', 'wb-keys', map), left = el('div', 'wb-queries', map);
  const cell = el('div', 'wb-cell', map), heat = focusable(el('canvas', 'wb-heat', cell), 'Attention of one head');
  heat.tabIndex = 0;
  heat.setAttribute('role', 'application');
  const row = el('div', 'wb-row', cell), hover = el('p', 'wb-mono wb-dim wb-hover', middle, ' ');
  const lists = el('div', '', right);

  let meta = null, thumbs = null, head = null, numbers = null, dark = false;
  const at = { layer: 0, head: 0, query: 0 };
  const layer = () => meta.layers[at.layer];
  const value = (i, j) => head.top * (numbers[i * head.shape[1] + j] / (head.dtype === 'uint16' ? 65535 : 255)) ** head.power;

  const go = (l, h) => {
    l = Math.max(0, Math.min(meta.layers.length - 1, l));
    h = Math.max(0, Math.min(meta.layers[l].heads - 1, h));
    if (l === at.layer && h === at.head) return;
    at.layer = l;
    at.head = h;
    chosen();
    ask({ layer: l, head: h });
  };
  const chosen = () => {
    pick.layer.set(at.layer, meta.layers.length - 1);
    pick.head.set(at.head, layer().heads - 1);
    overview.setAttribute('aria-label', `All heads: layer ${at.layer}, head ${at.head} chosen; arrow keys move`);
    drawThumbs();
  };

  const GAP = 2;
  const drawThumbs = () => {
    const [n, rows, cols] = thumbs.shape, data = kit.values(thumbs), most = Math.max(...meta.layers.map(l => l.heads));
    const w = cols + GAP, h = rows + GAP, context = overview.getContext('2d');
    overview.width = most * w + GAP;
    overview.height = meta.layers.length * h + GAP;
    overview.style.width = `${Math.min(298, overview.width * Math.max(1, Math.min(8, 298 / overview.width)))}px`;
    context.fillStyle = getComputedStyle(root).getPropertyValue('--wb-line');
    context.fillRect(0, 0, overview.width, overview.height);
    let k = 0;
    meta.layers.forEach((l, i) => {
      for (let j = 0; j < l.heads && k < n; j++, k++) kit.heat(context, data, k * rows * cols, rows, cols, dark, GAP + j * w, GAP + i * h);
    });
    context.strokeStyle = getComputedStyle(root).getPropertyValue('--wb-accent');
    context.lineWidth = GAP;
    context.strokeRect(at.head * w + GAP / 2, at.layer * h + GAP / 2, w, h);
  };

  const labels = (parent, names, size, vertical) => {
    parent.replaceChildren();
    const step = Math.max(1, Math.ceil(11 / size));
    names.forEach((name, i) => {
      if (i % step && !(vertical && i === at.query)) return;
      const label = el('span', 'wb-mono', parent, name);
      label.title = name;
      label.style[vertical ? 'top' : 'left'] = `${(i + 0.5) * size}px`;
      if (vertical && i === at.query) label.dataset.on = 'true';
    });
  };
  // Pixels for the longer side of the heat map: what the columns beside it and the slanted labels leave.
  const room = () => {
    const wide = root.clientWidth;
    return Math.max(120, Math.min(420, wide > 900 ? 420 : wide > 620 ? wide - 390 : wide - 140));
  };
  const drawMap = () => {
    const [rows, cols] = head.shape, size = Math.min(26, room() / Math.max(rows, cols));
    heat.width = cols;
    heat.height = rows;
    kit.heat(heat.getContext('2d'), numbers, 0, rows, cols, dark, 0, 0, head.dtype === 'uint16' ? 8 : 0);
    heat.style.width = `${cols * size}px`;
    heat.style.height = `${rows * size}px`;
    heat.style.imageRendering = size < 1 ? 'auto' : 'pixelated';
    at.query = Math.min(at.query, rows - 1);
    heat.setAttribute('aria-label', `Attention of layer ${at.layer}, head ${at.head}: ${rows} queries by ${cols} keys; arrow keys choose a query`);
    labels(top, meta.keys, size, false);
    labels(left, meta.queries, size, true);
    Object.assign(row.style, { top: `${at.query * size}px`, width: `${cols * size}px`, height: `${Math.max(3, size)}px` });
    drawLists();
  };
  const drawLists = () => {
    const [rows, cols] = head.shape, q = at.query;
    lists.replaceChildren();
    const list = (text, count, label, of) => {
      const head = el('h4', 'wb-list', lists);
      el('b', 'wb-mono', head, meta.queries[q]);
      el('span', '', head, text);
      return kit.bars(lists, [...Array(count).keys()].map(i => ({ label: label(i), value: of(i) })).sort((a, b) => b.value - a.value).slice(0, 6));
    };
    list('looks at', cols, j => meta.keys[j], j => value(q, j));
    if (rows === cols) list('is looked at by', rows, i => meta.queries[i], i => value(i, q)).classList.add('wb-pale');
  };
  const table = rows => {
    facts.replaceChildren();
    const body = el('tbody', '', facts);
    for (const [name, figure] of rows) { const tr = el('tr', '', body); el('td', 'wb-dim', tr, name); el('td', 'wb-num', tr, figure); }
  };

  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  overview.addEventListener('keydown', event => {
    const move = ARROWS[event.key];
    if (!move) return;
    event.preventDefault();
    go(at.layer + move[0], at.head + move[1]);
  });
  overview.addEventListener('click', event => {
    const [, rows, cols] = thumbs.shape, box = overview.getBoundingClientRect(), zoom = overview.width / box.width;
    go(Math.floor((event.clientY - box.top) * zoom / (rows + GAP)), Math.floor((event.clientX - box.left) * zoom / (cols + GAP)));
  });
  const under = event => {
    const box = heat.getBoundingClientRect(), [rows, cols] = head.shape;
    return [Math.min(rows - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * rows))),
      Math.min(cols - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * cols)))];
  };
  // The kernel is told which token is meant, so that other tabs mean it too.
  const query = i => {
    at.query = Math.max(0, Math.min(head.shape[0] - 1, i));
    drawMap();
    ask({ layer: at.layer, head: at.head, query: at.query });
  };
  heat.addEventListener('mousemove', event => {
    const [i, j] = under(event);
    hover.textContent = `${meta.queries[i]} → ${meta.keys[j]}  ${value(i, j).toFixed(3)}`;
  });
  heat.addEventListener('mouseleave', () => { hover.textContent = ' '; });
  heat.addEventListener('click', event => query(under(event)[0]));
  heat.addEventListener('keydown', event => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    query(at.query + (event.key === 'ArrowUp' ? -1 : 1));
    hover.textContent = `${meta.queries[at.query]} chosen`;
  });

  let drawnFor = 0;
  new ResizeObserver(() => {
    if (!head || !root.clientWidth || room() === drawnFor) return;
    drawnFor = room();
    drawMap();
  }).observe(root);

  const one = frame => {
    head = frame.arrays.head;
    numbers = kit.values(head);
    if (frame.meta.keys) Object.assign(meta, { keys: frame.meta.keys, queries: frame.meta.queries });
    table(frame.meta.facts);
    root.dataset.shown = `${frame.meta.layer}.${frame.meta.head}`;
    drawMap();
  };
  return {
    whole(frame, isDark) {
      dark = isDark;
      meta = { ...frame.meta };
      thumbs = frame.arrays.thumbs;
      at.layer = meta.layer;
      at.head = meta.head;
      at.query = Math.min(meta.query, meta.queries.length - 1);
      chosen();
      one(frame);
    },
    // While somebody drags on, sliders stay under the hand; otherwise they say what is drawn.
    part(frame, isDark, idle) {
      dark = isDark;
      const { layer: l, head: h } = frame.meta;
      if (idle && (l !== at.layer || h !== at.head)) {
        at.layer = l;
        at.head = h;
        chosen();
      }
      one(frame);
    },
  };
};
