// Attention: all heads small, one of them large as map, lines, picture or graph, and who looks at whom.
export default (kit, root, ask) => {
  const { el, focusable } = kit;
  root.className = 'wb-attention';
  el('style', '', root, style);
  const heads = el('div', '', root), middle = el('div', '', root), right = el('div', 'wb-right', root);
  const title = (parent, text, hint) => el('span', '', el('h4', '', parent, text), hint);
  const field1 = (parent, label, hint) => {
    const input = focusable(el('input', 'wb-find', parent), label);
    input.type = 'text';
    input.placeholder = hint;
    return input;
  };

  const headed = title(heads, 'All heads', 'layer ↓ head →');
  const overview = focusable(el('canvas', 'wb-thumbs', heads), 'All heads');
  overview.tabIndex = 0;
  overview.setAttribute('role', 'application');
  const seek = el('div', 'wb-seek', heads), finding = field1(seek, 'Find heads', 'find heads: previous > 0.5'), count = el('span', 'wb-dim wb-num', seek);
  count.setAttribute('role', 'status');
  const known = el('datalist', '', seek);
  known.id = `wb-known-${Math.random().toString(36).slice(2)}`;
  finding.setAttribute('list', known.id);
  for (const each of ['previous > 0.5', 'itself > 0.5', 'first > 0.5', 'induction > 0.3', 'entropy < 1.5', 'distance < 2', 'differs > 0.05']) el('option', '', known).value = each;
  el('p', 'wb-dim wb-hint', heads, 'Arrow keys move, Enter pins, / finds.');
  const choose = el('div', 'wb-choose', heads), facts = el('table', 'wb-facts', heads);
  const layerAt = kit.slider(choose, 'layer', 0, 0, v => go(v, at.head)), headAt = kit.slider(choose, 'head', 0, 0, v => go(at.layer, v));
  const stepAt = kit.slider(choose, 'step', 0, 0, v => stepTo(v));
  const stepRow = stepAt.input.parentNode;

  const told = title(middle, 'Who looks at what', 'queries ↓ keys →'), bar = el('div', 'wb-views', middle), kinds = el('span', '', bar);
  kinds.setAttribute('role', 'group');
  kinds.setAttribute('aria-label', 'View');
  const token = field1(bar, 'Find a token; Enter goes to the next', 'find a token'), stage = el('div', '', middle);
  const hover = el('p', 'wb-mono wb-dim wb-hover', middle, ' '), lists = el('div', 'wb-lists', right), ways = el('div', '', right);
  title(ways, 'View', '');
  const options = el('div', 'wb-options', ways);

  let meta = null, all = {}, frame = null, thumbs = null, scores = null, aparts = null, f = null, second = null, apart = null, dark = false, table = null, view = null, chosenView = null, sceneAsked = false, meant = null, stepped = null, pinnedHead = null, compared = false;
  const at = { layer: 0, head: 0, query: 0, key: -1, pinned: false };
  let base = { query: 0, key: -1 };
  const names = () => meta, special = () => meta.special;

  // Every wish says everything, so that a newer one loses nothing of the one it replaces.
  const send = (more = {}) => {
    const w = map.window();
    ask({
      layer: at.layer, head: at.head, over: meta.over, against: meta.against, hide: meta.hide, ...(meta.again ? { step: stepped } : {}), ...(pinnedHead ? { pinned_layer: pinnedHead[0], pinned_head: pinnedHead[1] } : {}),
      ...(at.pinned ? { query: at.query } : {}), ...(w ? { rows: w.slice(0, 2), columns: w.slice(2) } : {}), ...more,
    });
  };
  const go = (l, h) => {
    l = Math.max(0, Math.min(meta.layers.length - 1, l));
    h = Math.max(0, Math.min(meta.layers[l].heads - 1, h));
    if (l === at.layer && h === at.head) return;
    at.layer = l;
    at.head = h;
    chosen();
    send();
  };
  const chosen = () => {
    layerAt.set(at.layer, meta.layers.length - 1);
    headAt.set(at.head, meta.layers[at.layer].heads - 1);
    overview.setAttribute('aria-label', `All heads: layer ${at.layer}, head ${at.head} chosen; arrow keys move, Enter pins, / finds`);
    drawThumbs();
  };

  // Heads that what was typed fits; null where nothing was asked.
  const WORDS = ['entropy', 'previous', 'itself', 'first', 'distance', 'induction', 'differs'], LOW = ['entropy', 'distance'];
  const wanted = () => {
    const m = finding.value.trim().toLowerCase().match(/^([a-z]+)\s*(?:([<>])\s*(\d*\.?\d+))?$/), k = m ? WORDS.findIndex(word => word.startsWith(m[1])) : -1;
    if (k < 0 || !scores) return null;
    const low = LOW.includes(WORDS[k]), less = m[2] ? m[2] === '<' : low, bound = m[3] ? +m[3] : low ? 1 : k === 6 ? 0.05 : 0.5;
    return i => { const v = k === 6 ? aparts?.largest[i] : scores[6 * i + k]; return less ? v < bound : v > bound; };
  };
  const GAP = 2;
  const places = () => meta.layers.flatMap((l, i) => Array.from({ length: l.heads }, (_, j) => [i, j, l.kept || i === meta.layer]));
  const drawThumbs = () => {
    if (!thumbs) return;
    const shown = view === 'compare' && aparts || thumbs, [n, rows, cols] = shown.array.shape, { data, broken } = shown, most = Math.max(...meta.layers.map(l => l.heads)), w = cols + GAP, h = rows + GAP, context = overview.getContext('2d'), css = getComputedStyle(root), fits = wanted();
    overview.width = most * w + GAP;
    overview.height = meta.layers.length * h + GAP;
    const zoom = Math.min(8, 298 / overview.width, 420 / overview.height);
    overview.style.width = `${overview.width * zoom}px`;
    headed.textContent = shown === aparts ? 'how far apart' : 'layer ↓ head →';
    const line = css.getPropertyValue('--wb-line');
    let k = 0, hits = 0;
    for (const [i, j, kept] of places()) {
      const x = GAP + j * w, y = GAP + i * h;
      context.fillStyle = line;
      context.fillRect(x - GAP, y - GAP, w + GAP, h + GAP);
      if (!thumbs.kept[i]) { context.fillStyle = css.getPropertyValue('--wb-bg2'); context.fillRect(x, y, cols, rows); continue; }
      if (k >= n) break;
      kit.heat(context, data, k * rows * cols, rows, cols, shown === aparts ? table.both : table.one, x, y);
      if (broken && Array.from({ length: rows * cols }, (_, p) => k * rows * cols + p).some(b => broken[b >> 3] >> (7 - (b & 7)) & 1)) {
        context.strokeStyle = rgba(NAN, 1);
        context.lineWidth = 1;
        context.strokeRect(x + 0.5, y + 0.5, cols - 1, rows - 1);
      }
      if (fits && fits(k)) hits++;
      else if (fits) { context.fillStyle = css.getPropertyValue('--wb-bg'); context.globalAlpha = 0.82; context.fillRect(x, y, cols, rows); context.globalAlpha = 1; }
      k++;
    }
    count.textContent = fits ? `${hits} of ${n}` : '';
    const frameIt = ([l, j], dash) => { context.setLineDash(dash); context.strokeRect(j * w + thin / 2, l * h + thin / 2, w + GAP - thin, h + GAP - thin); }, thin = zoom > 2 ? 1 : GAP;
    context.lineWidth = thin;
    context.strokeStyle = css.getPropertyValue('--wb-second');
    if (pinnedHead) frameIt(pinnedHead, [3, 2]);
    context.strokeStyle = css.getPropertyValue('--wb-accent');
    frameIt([at.layer, at.head], []);
  };

  const hand = {
    at, inks: () => table, title: () => `layer ${at.layer}, ${meta.over || `head ${at.head}`}`,
    wide: () => root.clientWidth > 420,
    // Pixels for the longer side of a map: what the columns beside it and the labels leave.
    room: gutter => { const wide = root.clientWidth; if (view === 'compare') return Math.max(110, Math.min(420, parts[0].box.clientWidth - 90)); return Math.max(120, Math.min(420, wide > 900 ? 420 : wide > 620 ? wide - 296 - gutter : wide - gutter - 24)); },
    found: name => token.value && name.toLowerCase().includes(token.value.toLowerCase()),
    over(i, j) {
      say(i, j);
      if (at.pinned) return;
      Object.assign(at, { query: i, key: j });
      later();
    },
    leave() { hover.textContent = ' '; if (!at.pinned) { Object.assign(at, base); later(); } },
    pin(i, j) {
      at.pinned = !(at.pinned && base.query === i && base.key === j);
      base = { query: i, key: j };
      Object.assign(at, base);
      point();
      if (at.pinned) send();
    },
    move(di, dj) {
      const q = Math.max(0, Math.min(f.rows - 1, at.query + di)), k = dj || at.key >= 0 ? Math.max(0, Math.min(f.cols - 1, at.key + dj)) : -1;
      Object.assign(at, { query: q, key: k, pinned: false });
      base = { query: q, key: k };
      point();
      if (k >= 0) say(q, k); else hover.textContent = `${names().queries[q]} chosen`;
    },
    key(event) {
      if (event.key === 'Enter') { at.pinned = false; hand.pin(at.query, at.key); } else if (event.key === 'Escape') { at.pinned = false; point(); } else if (event.key === '/') token.focus(); else return false;
      return true;
    },
    seen(where) { for (const { map: one } of parts) one.look(where); if (map.missing()) send(); },
  };
  let soon = 0;
  const later = () => { cancelAnimationFrame(soon); soon = requestAnimationFrame(point); };
  const say = (i, j) => {
    const others = view === 'compare' ? [second && `${meta.beside.names[1]} ${figure(second.at(i, j), second.digits)}`, apart && `difference ${figure(apart.at(i, j), apart.digits)}`] : [];
    const [from, to] = i < f.rows && j < f.cols ? [names().queries[i], names().keys[j]] : [besides().queries[i], besides().keys[j]];
    hover.textContent = j < 0 ? from : [`${from} → ${to}  ${figure(f.at(i, j), f.digits)}`, ...others].filter(Boolean).join(' · ');
  };
  // Three maps side by side where something is compared: this one, the one beside it, the first minus the second.
  const trio = el('div', 'wb-trio', stage), part = k => {
    const box = el('div', '', trio), name = el('h5', '', box), note = el('p', 'wb-dim', box);
    const own = k ? { ...hand, follows: true, title: () => `${name.textContent}, ${hand.title()}` } : hand;
    return { box, name, note, map: heatMap(kit, box, own) };
  };
  const parts = [part(0)], map = parts[0].map, others = {};
  const besides = () => (meta.beside?.queries ? meta.beside : names());

  // Which views this map can be looked at in; the most telling one comes first.
  const offered = () => [
    ...(meta.beside ? ['compare'] : []),
    ...(others.graph && frame.arrays.edges && all.places?.shape[0] === f.rows && f.exact ? ['graph'] : []), ...(others.picture && meta.grid && all.image ? ['picture'] : []), 'map',
    ...(others.lines && f.exact && Math.max(f.rows, f.cols) <= 80 ? ['lines'] : []),
  ];
  const draw = () => {
    const can = offered();
    view = can.includes(chosenView) ? chosenView : can[0];
    kinds.replaceChildren();
    for (const kind of can.length > 1 ? can : []) kit.button(kinds, kind, () => { chosenView = kind; draw(); }).setAttribute('aria-pressed', String(kind === view));
    kinds.hidden = can.length < 2;
    const paired = view === 'compare';
    trio.hidden = !paired && view !== 'map';
    while (paired && parts.length < 3) parts.push(part(parts.length));
    parts.forEach(({ box, name, note }, k) => {
      box.hidden = k > 0 && !paired || k === 1 && !second;
      name.hidden = note.hidden = !paired;
      if (paired) name.textContent = k < 2 ? meta.beside.names[k] : 'difference: the first − the second';
    });
    if (aparts) drawThumbs();
    for (const [kind, { box }] of Object.entries(others)) box.hidden = kind !== view;
    told.textContent = { compare: 'queries ↓ keys →, one scale for both', map: 'queries ↓ keys →', lines: 'queries left, keys right', picture: 'orange is looked at', graph: 'blue is looked at, orange looks here' }[view];
    root.dataset.view = view;
    scene();
    drawLists();
  };
  const scene = moved => {
    if (view === 'compare') compare(moved); else if (view === 'map') { if (moved) map.point(); else map.show(f, names()); } else others[view].show(f, names(), ...({ picture: [meta, all.image, frame], graph: [frame, all.places] }[view] || []));
  };
  const compare = moved => {
    if (moved) return parts.forEach(({ map: one }) => one.point());
    map.show(f, names());
    parts[2].note.textContent = meta.beside.said;
    for (const [{ map: one }, g, called, bare] of [[parts[1], second, besides(), !meta.beside.queries], [parts[2], apart, names(), true]]) {
      one.box.hidden = one.below.hidden = !g;
      if (g) one.show(g, called, bare);
    }
    parts[1].map.below.hidden = true;
  };
  const point = () => { scene(true); drawLists(); };
  const drawLists = () => {
    const q = Math.min(at.query, f.rows - 1), strip = meta.strip, { queries, keys } = names(), hidden = meta.hide ? special() : [[], []], square = !meta.crosses && f.rows === f.cols;
    lists.replaceChildren();
    const list = (name, text, rows, pale) => {
      const to = el('div', 'wb-list', lists), h = el('h4', '', to);
      el('b', 'wb-mono', h, name).title = name;
      el('span', '', h, text);
      const broken = rows.filter(r => Number.isNaN(r.value)).length, most = Math.max(...rows.map(r => Math.abs(r.value) || 0)), some = rows.filter(r => Math.abs(r.value) > 0.004 * most).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 6);
      if (broken) el('p', 'wb-broken', to, `${broken} not a number`);
      if (some.length) kit.bars(to, some).classList.toggle('wb-pale', pale); else if (!broken) el('p', 'wb-dim', to, 'nothing');
    };
    const along = (n, label, of, out) => Array.from({ length: n }, (_, i) => ({ label: label[i], value: out.includes(i) ? 0 : of(i) }));
    const sent = (pairs, label) => pairs.map(([i, value]) => ({ label: label[i], value }));
    if (f.exact) list(queries[q], 'looks at', along(f.cols, keys, j => f.at(q, j), hidden[1]), false);
    else if (strip?.of === q) list(queries[q], 'looks at', sent(strip.to, keys), false);
    else el('p', 'wb-dim', lists, `Pin ${queries[q]} to see what it looks at.`);
    if (view === 'compare' && second?.exact && q < second.rows) list(besides().queries[q], `looks at, ${meta.beside.names[1]}`, along(second.cols, besides().keys, j => second.at(q, j), []), false);
    const k = square ? q : at.key;
    if (f.exact && k >= 0 && k < f.cols) list(keys[k], 'is looked at by', along(f.rows, queries, i => f.at(i, k), hidden[0]), true);
    else if (strip?.of === q && strip.by) list(queries[q], 'is looked at by', sent(strip.by, queries), true);
  };

  const drawOptions = () => {
    options.replaceChildren();
    const select = (name, choices, value, act) => {
      if (choices.length < 2) return;
      const label = el('label', '', options, name), node = focusable(el('select', '', label), name);
      for (const [key, text] of choices) el('option', '', node, text).value = key;
      node.value = value;
      node.addEventListener('change', () => act(node.value));
    };
    select('show', [['', 'this head'], ...meta.overs.map(o => [o, o])], meta.over, v => { meta.over = v; send(); });
    const against = [['', 'nothing'], ...(pinnedHead ? [['pinned', `layer ${pinnedHead[0]} head ${pinnedHead[1]}`]] : []), ...(meta.other ? [['other', 'the second']] : [])];
    select('minus', against, meta.against, v => { meta.against = v; send(); });
    if (special().some(s => s.length)) kit.check(options, 'hide special tokens', Boolean(meta.hide), v => { meta.hide = +v; send(); });
    const same = pinnedHead && pinnedHead[0] === at.layer && pinnedHead[1] === at.head;
    if (!meta.over && !meta.against) kit.button(options, 'Switch it off', () => send({ off: 1 }), 'Switch this head off for one forward');
    kit.button(options, same ? 'Unpin this head' : 'Pin this head', () => pinHead(same));
  };
  const pinHead = off => {
    pinnedHead = off ? null : [at.layer, at.head];
    if (!pinnedHead && meta.against === 'pinned') { meta.against = ''; send(); }
    drawThumbs();
    drawOptions();
  };
  const stepTo = v => {
    stepped = v;
    if (meta.again) return send({ step: v });
    Object.assign(at, { query: meta.steps[v] - 1, pinned: false });
    base = { query: at.query, key: -1 };
    point();
  };
  const drawFacts = rows => {
    facts.replaceChildren();
    const body = el('tbody', '', facts);
    for (const [name, value] of rows) { const tr = el('tr', '', body); el('td', 'wb-dim', tr, name); el('td', 'wb-num', tr, value); }
  };

  overview.addEventListener('keydown', event => {
    const move = ARROWS[event.key];
    if (move) go(at.layer + move[0], at.head + move[1]); else if (event.key === 'Enter') pinHead(pinnedHead && pinnedHead[0] === at.layer && pinnedHead[1] === at.head); else if (event.key === '/') finding.focus(); else return;
    event.preventDefault();
  });
  overview.addEventListener('click', event => {
    if (!thumbs) return;
    const [, rows, cols] = thumbs.array.shape, box = overview.getBoundingClientRect(), zoom = overview.width / box.width;
    go(Math.floor((event.clientY - box.top) * zoom / (rows + GAP)), Math.floor((event.clientX - box.left) * zoom / (cols + GAP)));
  });
  finding.addEventListener('input', drawThumbs);
  finding.addEventListener('keydown', event => {
    if (event.key === 'Escape') { finding.value = ''; drawThumbs(); overview.focus(); }
    const fits = event.key === 'Enter' && wanted();
    if (!fits) return;
    const some = places().filter(([i]) => thumbs.kept[i]), here = some.findIndex(([i, j]) => i === at.layer && j === at.head);
    const next = some.findIndex((_, k) => k > here && fits(k)), to = next < 0 ? some.findIndex((_, k) => fits(k)) : next;
    if (to >= 0) go(some[to][0], some[to][1]);
  });
  token.addEventListener('input', () => scene(true));
  token.addEventListener('keydown', event => {
    if (event.key === 'Escape') { token.value = ''; scene(true); map.heat.focus(); }
    if (event.key !== 'Enter' || !token.value) return;
    const hits = names().queries.map((_, i) => i).filter(i => hand.found(names().queries[i])), next = hits.find(i => i > at.query) ?? hits[0];
    if (next !== undefined) hand.move(next - at.query, 0);
  });

  let drawnFor = 0;
  new ResizeObserver(() => {
    if (!f || !root.clientWidth || root.clientWidth === drawnFor) return;
    drawnFor = root.clientWidth;
    draw();
  }).observe(root);

  const show = (next, idle) => {
    frame = next;
    const { layers, over, against, hide } = meta;
    meta = { ...(next.meta.queries ? {} : { queries: all.meta.queries, keys: all.meta.keys, special: all.meta.special }), ...next.meta, layers };
    if (!idle) Object.assign(meta, { over, against, hide });
    if (idle && (meta.layer !== at.layer || meta.head !== at.head)) Object.assign(at, { layer: meta.layer, head: meta.head });
    f = field(kit, next.arrays, 'head', next.meta, Boolean(next.meta.against));
    second = next.arrays.second ? field(kit, next.arrays, 'second', next.meta.beside, false) : null;
    apart = next.arrays.apart ? field(kit, next.arrays, 'apart', next.meta, true) : null;
    if (Boolean(meta.beside) !== compared) { compared = !compared; chosenView = null; }
    table = inks(kit, dark);
    if (!at.pinned) base = { query: Math.min(base.query, f.rows - 1), key: Math.min(base.key, f.cols - 1) };
    if (at.query >= f.rows || at.key >= f.cols) Object.assign(at, base, { pinned: false });
    stepRow.hidden = !meta.steps && !meta.again;
    if (meta.again && idle) { stepped = meta.again[0]; stepAt.set(stepped, meta.again[1] - 1); } else if (meta.steps && stepped === null) { stepped = meta.steps.length - 1; stepAt.set(stepped, stepped); }
    drawFacts(meta.facts);
    drawOptions();
    if (idle || next.arrays.thumbs) chosen();
    draw();
    root.dataset.shown = `${meta.layer}.${meta.head}`;
    if (idle && map.missing()) send();
  };
  const scenes = text => {
    if (!text || sceneAsked) return;
    sceneAsked = true;
    const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    import(url).then(m => { Object.assign(others, m.default(kit, stage, hand, { ARROWS, rgba, NAN })); if (f) draw(); });
  };
  return {
    whole(next, isDark, idle) {
      dark = isDark;
      const first = !meta;
      all = { meta: next.meta, image: next.arrays.image, places: next.arrays.places };
      if (next.arrays.thumbs) {
        thumbs = { array: next.arrays.thumbs, data: kit.values(next.arrays.thumbs), broken: next.arrays.thumbs_nan && kit.values(next.arrays.thumbs_nan), kept: next.meta.layers.map((l, i) => l.kept || i === next.meta.layer) };
        scores = kit.values(next.arrays.scores);
        const { thumbs_apart: array, largest } = next.arrays;
        aparts = array ? { array, data: kit.values(array), largest: kit.values(largest) } : null;
      }
      meta = { ...(meta || next.meta), layers: next.meta.layers };
      if (next.meta.query !== meant) { base = { query: meant = next.meta.query, key: -1 }; Object.assign(at, base); }
      scenes(next.meta.script);
      show(next, idle || first);
    },
    // While somebody drags on, sliders stay under the hand; otherwise they say what is drawn.
    part(next, isDark, idle) {
      dark = isDark;
      all = { ...all, image: next.arrays.image || all?.image, places: next.arrays.places || all?.places };
      scenes(next.meta.script);
      show(next, idle);
    },
  };
};
