// Saliency: what spoke for and against a score, how that was found, and how far it can be trusted.
export default (kit, root, ask) => {
  const { el, focusable, button } = kit;
  root.className = 'wb-saliency';
  el('style', '', root, style);
  const turns = el('div', 'wb-legend wb-turns', root), legend = el('div', 'wb-legend', root), cols = el('div', 'wb-cols', root);
  const left = el('div', '', cols), side = el('div', '', cols), said = el('p', 'wb-next', left), main = el('div', '', left), hover = el('p', 'wb-mono wb-dim wb-hover', left, ' '), agreed = el('div', '', left), beside = el('div', 'wb-beside', left);
  hover.style.marginLeft = 0;
  const look = { hide: 0, over: false, frame: 0 };
  let inks = tint(false), point = [], told = null, last = null;
  const tell = text => { hover.textContent = text; };

  const tokens = (to, meta, scores, top) => {
    const box = el('div', 'wb-tokens', to);
    scores.forEach((v, i) => {
      const token = el('span', 'wb-tok', box, meta.labels[i]);
      if (Math.abs(v) > Math.max(0.02, look.hide / 100) * top) token.style.background = inks.colour(v / top);
      token.title = signed(v);
      token.dataset.on = String(i === meta.token);
      token.addEventListener('click', () => ask({ token: i }));
      token.addEventListener('mouseenter', () => tell(`${meta.labels[i]}  ${signed(v)}`));
    });
  };
  const pixels = (to, meta, scores, top, { scores: { shape: [rows, wide] }, image }) => {
    const box = el('div', 'wb-pixels', to), [y0, x0] = point, picture = image && kit.values(image);
    // A pixel is pointed at by a click or by arrow keys, in every picture of the same size.
    const under = (event, map) => {
      const b = map.getBoundingClientRect(), fit = (v, most) => Math.max(0, Math.min(most - 1, Math.floor(v * most)));
      return [fit((event.clientY - b.top) / b.height, rows), fit((event.clientX - b.left) / b.width, wide)];
    };
    const pointed = map => {
      if (y0 < rows && x0 < wide) Object.assign(el('i', 'wb-point', map.parentNode).style, { top: `${100 * y0 / rows}%`, left: `${100 * x0 / wide}%`, height: `${100 / rows}%`, width: `${100 / wide}%` });
      map.addEventListener('click', event => { const [y, x] = under(event, map); ask({ row: y, column: x }); });
    };
    if (picture) {
      const given = el('div', '', box);
      el('h4', '', given, 'input');
      pointed(painted(el, el('div', 'wb-over', given), rows, wide, i => [picture[3 * i], picture[3 * i + 1], picture[3 * i + 2], 255], 'the input'));
    }
    const shown = el('div', '', box), ink = shade(look, inks, picture);
    el('h4', '', shown, 'what spoke for and against');
    const map = painted(el, el('div', 'wb-over', shown), rows, wide, i => ink(scores[i], top, i), 'scores of the pixels; arrow keys point at one');
    map.className = 'wb-scores';
    map.tabIndex = 0;
    focusable(map).setAttribute('role', 'application');
    pointed(map);
    const say = (y, x) => tell(`row ${y}, column ${x}  ${signed(scores[y * wide + x])}`);
    map.addEventListener('mousemove', event => say(...under(event, map)));
    map.addEventListener('keydown', event => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      ask({ row: Math.max(0, Math.min(rows - 1, (y0 ?? 0) + move[0])), column: Math.max(0, Math.min(wide - 1, (x0 ?? 0) + move[1])) });
    });
    if (y0 < rows && x0 < wide) told = () => say(y0, x0);
  };
  const columns = (to, meta, scores, top, parts) => {
    if (parts.places) graphOf(kit, to, inks, meta, scores, top, parts, tell);
    columnsOf(el, to, inks, meta, scores, top);
  };
  const trace = (to, meta, scores, top, parts) => traceOf(kit, to, inks, look, meta, scores, top, parts, tell);
  const frames = (to, meta, scores, top, parts) => framesOf(kit, to, look, inks, scores, top, parts);
  const kinds = { tokens, pixels, columns, trace, frames };

  const select = (name, key, options, value, label) => {
    if (options.length < 2) return;
    const box = focusable(el('select', '', el('label', '', turns, name)), label);
    for (const { value: of, text } of options) el('option', '', box, text).value = of;
    box.value = value;
    box.addEventListener('change', () => ask({ [key]: key === 'target' ? +box.value : box.value }));
  };
  const turn = meta => {
    const at = root.getRootNode().activeElement?.getAttribute?.('aria-label');
    turns.replaceChildren();
    select('method', 'method', meta.methods, meta.method, 'Method');
    select('explain', 'target', meta.choices, meta.chosen, 'What is explained');
    select('against', 'reference', meta.references, meta.reference, 'What it is compared with');
    select('at', 'layer', meta.layers, meta.layer, 'Layer');
    if (!meta.final) button(turns, 'Stop', () => ask({ stop: true }), 'Stop improving');
    if (at) [...turns.querySelectorAll('select, button')].find(one => one.getAttribute('aria-label') === at)?.focus();
  };
  const explainInks = meta => {
    legend.replaceChildren();
    el('span', '', legend, meta.target);
    for (const [v, text] of meta.signed ? [[1, 'speaks for it'], [-1, 'against it']] : [[1, 'matters for it']]) {
      const item = el('span', 'wb-dim', legend);
      el('i', 'wb-swatch', item).style.background = inks.colour(v);
      el('span', '', item, text);
    }
    const again = () => { draw(last); };
    if (meta.kind !== 'columns') kit.slider(legend, 'hide below %', 95, look.hide, value => { look.hide = value; again(); });
    if (last.arrays.image && meta.kind !== 'trace') kit.check(legend, 'on the picture', look.over, value => { look.over = value; again(); });
  };

  // The tokens a language model would say next; each is explained by all before it.
  const generated = ({ next }) => {
    said.replaceChildren();
    if (!next?.tokens) return;
    el('span', 'wb-dim', said, 'says next ');
    next.tokens.forEach((text, i) => {
      const token = button(said, text, () => ask({ step: i }), `Explain generated token ${i + 1}`);
      token.classList.add('wb-tok');
      token.setAttribute('aria-pressed', String(i === next.step));
    });
    if (next.tokens.length <= next.most) button(said, 'and then?', () => ask({ step: next.tokens.length }), 'Generate another token');
  };

  const draw = ({ meta, arrays }) => {
    const top = meta.top || 1e-12, second = meta.other, had = root.getRootNode().activeElement;
    const focused = had?.className === 'wb-scores' && root.contains(had);
    told = null;
    main.replaceChildren();
    main.className = second ? 'wb-pair' : '';
    const block = (about, prefix, heading) => {
      const to = el('div', '', main), parts = Object.fromEntries(Object.entries(arrays).filter(([n]) => n.startsWith(prefix)).map(([n, a]) => [n.slice(prefix.length), a]));
      if (heading) el('h4', '', to, heading);
      if (about.target && about !== meta) el('p', 'wb-dim', to, about.target);
      kinds[about.kind](to, about, kit.values(parts.scores), top, parts);
    };
    block(meta, '', second && meta.sides[0]);
    (meta.more || []).forEach((about, i) => block(about, `more${i}_`, about.unit));
    if (second) block(second, 'other_', meta.sides[1]);
    tell(meta.kind === 'columns' && !arrays.places ? '' : 'hover for the figure');
    told?.();
    if (focused) main.querySelector('.wb-scores')?.focus();
  };

  // Whether other methods rank the features alike, and what each of them drew.
  const compared = ({ meta, arrays }, to) => {
    el('h4', '', to, 'Do other methods agree?').style.marginTop = '14px';
    button(to, meta.comparing ? 'Compare no longer' : 'Compare methods', () => ask({ compare: meta.comparing ? 0 : 1 }));
    agreed.replaceChildren();
    beside.replaceChildren();
    if (!meta.agree) return meta.comparing && el('p', 'wb-dim', to, 'one method after the other …');
    const { methods, said, kind } = meta.agree, n = methods.length, matrix = kit.values(arrays.agree), table = (el('h4', '', agreed, 'rank correlation of the features'), el('table', 'wb-agree', agreed)), body = el('tbody', '', table);
    for (let i = 1; i < n; i++) {
      const tr = el('tr', '', body);
      el('td', '', tr, methods[i]);
      for (let j = 0; j < i; j++) {
        const v = matrix[i * n + j], cell = el('td', 'wb-num', tr, Number.isNaN(v) ? '–' : v.toFixed(2).replace(/^(-?)0/, '$1').replace('-', '−'));
        cell.title = `${methods[i]} and ${methods[j]}`;
        cell.dataset.low = String(v < 0.5);
      }
    }
    const foot = el('tr', '', body);
    el('td', 'wb-dim', foot, '');
    for (let j = 0; j < n - 1; j++) el('td', 'wb-dim', foot, methods[j].replace(/[a-z]+/g, word => word[0]).replace(/\s/g, '')).title = methods[j];
    const more = el('details', 'wb-dim', to);
    focusable(el('summary', '', more, `${said.length} notes`));
    for (const text of said) el('p', '', more, text);
    if (!said.length) more.remove();
    methods.forEach((name, i) => {
      const packed = arrays[`beside${i}`];
      if (!packed) return;
      const box = el('div', '', beside), scores = kit.values(packed), most = Math.max(1e-12, scores.reduce((a, v) => Math.max(a, Math.abs(v)), 0));
      el('h4', '', box, name).title = name;
      if (kind === 'pixels') painted(el, box, ...packed.shape, k => shade({ hide: 0 }, inks)(scores[k], most, k), `what ${name} drew`, 112);
      else {
        const words = el('div', 'wb-tokens', box);
        scores.forEach((v, k) => {
          const token = el('span', 'wb-tok', words, meta.labels[k]);
          if (Math.abs(v) > 0.02 * most) token.style.background = inks.colour(v / most);
          token.title = signed(v);
        });
      }
    });
  };

  return {
    whole(frame, isDark) {
      const { meta } = (last = frame);
      inks = tint(isDark);
      point = meta.pixel || [];
      turn(meta);
      explainInks(meta);
      generated(meta);
      draw(frame);
      side.replaceChildren();
      el('h4', '', side, 'Figures');
      const body = el('tbody', '', el('table', 'wb-facts', side));
      for (const [name, figure] of meta.facts) {
        const tr = el('tr', '', body);
        el('td', 'wb-dim', tr, name);
        el('td', 'wb-num', tr, figure).title = figure;
      }
      if (!meta.other) compared(frame, side);
    },
    part(frame, isDark) { this.whole(frame, isDark); },
  };
};
