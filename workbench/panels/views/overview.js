// Overview: the tree of modules with what each part costs and whether its units are alive.
export default (kit, root) => {
  const { el, button } = kit;
  root.className = 'wb-overview';
  const scroll = kit.focusable(el('div', 'wb-scroll', root), 'Modules');
  scroll.tabIndex = 0;
  const folded = new Map();
  const percent = x => (x === null ? '' : x > 0 && x < 0.005 ? '<1 %' : `${Math.round(100 * x)} %`);
  let rows = [], examples = 1;

  const draw = () => {
    scroll.replaceChildren();
    const table = el('table', '', scroll), head = el('tr', '', el('thead', '', table)), body = el('tbody', '', table);
    for (const name of ['module', 'class', 'output', 'parameters', 'memory', 'FLOPs an example', 'time', 'dead units', 'saturated']) el('th', '', head, name).scope = 'col';
    let hide = Infinity;
    rows.forEach((row, i) => {
      if (row.depth > hide) return;
      hide = Infinity;
      const closed = row.children > 0 && folded.get(row.path);
      if (closed) hide = row.depth;
      const tr = el('tr', '', body), first = el('td', '', tr);
      first.style.paddingLeft = `${8 + 14 * row.depth}px`;
      first.title = row.path;
      if (row.children && i) {
        const fold = button(first, closed ? '▸' : '▾', () => {
          folded.set(row.path, !closed);
          draw();
          scroll.querySelector(`button[data-at="${i}"]`)?.focus();
        }, `${closed ? 'open' : 'fold'} ${row.path}`);
        fold.className = 'wb-fold';
        fold.dataset.at = i;
        fold.setAttribute('aria-expanded', String(!closed));
      } else {
        el('span', 'wb-fold', first).style.display = 'inline-block';
      }
      el('span', '', first, row.name);
      el('td', '', tr, row.kind);
      const ran = row.calls > 0, shape = row.calls > 1 ? `${row.output}  ×${row.calls}` : row.output;
      el('td', 'wb-mono wb-dim', tr, ran ? shape : row.children ? '' : 'did not run');
      const size = el('td', 'wb-num', tr, row.parameters ? row.parameters.toLocaleString('en') : '–');
      if (row.tied.length) el('small', 'wb-tied', size, 'tied').title = `one tensor with ${row.tied.join(', ')}`;
      el('td', 'wb-num', tr, row.bytes ? kit.short(row.bytes, 'B') : '–');
      el('td', 'wb-num', tr, row.flops ? kit.short(row.flops / examples) : '–');
      const time = el('td', 'wb-num', tr, ran ? percent(row.time) : '');
      if (ran) {
        const track = el('span', 'wb-track', time);
        el('i', 'wb-share', track).style.width = `${Math.max(1, 100 * row.time)}%`;
      }
      for (const share of [row.dead, row.saturated]) {
        const idle = el('td', 'wb-num', tr, percent(share));
        if (share > 0.2) idle.dataset.level = 'warn';
      }
    });
  };

  return {
    whole(frame) {
      rows = frame.meta.rows;
      examples = frame.meta.examples;
      if (!folded.size) for (const row of rows) folded.set(row.path, row.depth >= frame.meta.open && row.children > 0);
      draw();
    },
    part() {},
  };
};
