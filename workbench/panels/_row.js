// The input row: what may be looked at next, and a second input beside it. Each means of changing an input draws itself.
export default (kit, extras, model, page) => {
  const { el, button, focusable } = kit, box = el('div', 'wb-rows'), root = extras.closest('.wb');
  extras.prepend(box);
  const open = new Map();

  const field = (parent, value, label, act) => {
    const input = focusable(el('input', '', parent), label);
    input.type = 'text';
    input.setAttribute('value', value);
    const again = () => { if (input.value !== value) act(value = input.value); };
    input.addEventListener('keydown', event => { if (event.key === 'Enter') again(); });
    input.addEventListener('change', again);
    return input;
  };

  const text = (line, { text: now, history }, ask) => {
    if (now === null) return;
    const input = field(line, now, 'Input text; Enter looks at it', typed => ask({ text: typed })), past = el('datalist', '', line);
    past.id = `wb-past-${Math.random().toString(36).slice(2)}`;
    input.setAttribute('list', past.id);
    for (const old of history.slice(1)) el('option', '', past).value = old;
  };

  const examples = (line, { example, examples: count, answers, away }, ask) => {
    if (count < 2) return;
    const go = to => ask({ example: (to + count) % count });
    el('span', 'wb-dim wb-num', line, `${away ? 'beside ' : ''}example ${(example + 1).toLocaleString('en')} of ${count.toLocaleString('en')}`);
    button(line, '◀', () => go(example - 1), 'Previous example');
    button(line, '▶', () => go(example + 1), 'Next example');
    button(line, 'Random', () => go(example + 1 + Math.floor(Math.random() * (count - 1))), 'Random example');
    if (answers) button(line, 'Misclassified', () => ask({ misclassified: true }), 'The first or next misclassified example');
  };

  const send = (file, { picture: { most } }, ask, say) => {
    // A message larger than Jupyter allows would end the connection.
    if (file.size > most) return say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; a picture of up to ${most / 1e6} MB is read.`);
    file.arrayBuffer().then(bytes => ask({ picture: file.name }, bytes));
  };
  const picture = (line, state, ask, say) => {
    if (!state.picture) return;
    const file = focusable(el('input', '', line), 'Picture file');
    Object.assign(file, { type: 'file', accept: 'image/png,image/jpeg,image/webp,image/gif,image/bmp', hidden: true });
    file.addEventListener('change', () => { if (file.files[0]) send(file.files[0], state, ask, say); });
    button(line, 'Upload picture …', () => file.click(), 'Upload a picture; it may also be dropped on the panel');
    if (state.picture.name) el('span', '', line, state.picture.name);
    line.drop = dropped => send(dropped, state, ask, say);
  };

  // A cell that is typed while the one before is still computed must not replace it.
  const waiting = [{}, {}];
  const columns = (line, { columns: cells, wrong }, ask, key) => {
    if (!cells) return;
    const late = waiting[key] = wrong ? {} : waiting[key];
    for (const { name, value } of cells) if (late[name] !== undefined && +late[name] === value) delete late[name];
    const put = (name, typed) => { late[name] = typed; ask({ cells: late }); };
    const more = el('details', 'wb-cells', line), changed = cells.filter(cell => cell.changed).length, names = cells.map(cell => cell.name);
    focusable(el('summary', 'wb-dim', more, `${cells.length} cells${changed ? `, ${changed} changed` : ''}`));
    more.open = open.get(key) ?? cells.length < 9;
    more.addEventListener('toggle', () => open.set(key, more.open));
    const grid = el('div', '', more);
    cells.forEach(({ name, value, own, range, changed: on }, i) => {
      const label = el('label', '', grid), unique = names.indexOf(name) === names.lastIndexOf(name);
      el('span', '', label, name);
      label.title = `${name}: ${own} in this example${range ? `, ${kit.short(range[0])} to ${kit.short(range[1])} in the data` : ''}`;
      const input = field(label, String(value), name, typed => put(unique ? name : i, typed));
      input.inputMode = 'decimal';
      input.dataset.on = String(on);
    });
    if (changed) button(more, 'Reset cells', () => { waiting[key] = {}; ask({ reset: true }); });
  };

  const nodes = (line, { nodes: graph }, ask) => {
    if (!graph) return;
    const { node, count, own, listed, more } = graph, label = el('label', '', line, 'node');
    const named = ({ name, said }) => (said ? `${name} · ${said}` : name);
    const input = field(label, String(node ?? ''), `Node, 0 to ${count - 1}`, typed => ask({ node: typed.trim() === '' ? null : typed }));
    input.inputMode = 'numeric';
    input.className = 'wb-node';
    el('span', 'wb-dim wb-num', line, `of ${count.toLocaleString('en')}${own ? `: ${own.said || own.name}` : ''}`);
    if (own) button(line, 'All nodes', () => ask({ node: null }), 'Explain all nodes together');
    const list = el('div', 'wb-nodes', line);
    list.setAttribute('role', 'group');
    list.setAttribute('aria-label', own ? 'Neighbours' : 'Nodes');
    el('span', 'wb-dim', list, own ? 'neighbours' : 'nodes');
    for (const one of listed) button(list, named(one), () => ask({ node: one.node }), `Node ${one.node}: ${named(one)}`);
    if (more) el('span', 'wb-dim', list, `and ${more.toLocaleString('en')} more`);
  };

  const percent = p => `${(100 * p).toFixed(1)} %`;
  const change = ({ said, wrong, classes }) => {
    const part = el('div', 'wb-change', box);
    el('p', wrong ? 'wb-error' : 'wb-dim', part, said).setAttribute('role', wrong ? 'alert' : 'status');
    if (!classes.length) return;
    const table = el('table', '', part), head = el('tr', '', el('thead', '', table)), body = el('tbody', '', table);
    for (const name of ['answer', 'first', 'second', 'change', '']) el('th', '', head, name).scope = 'col';
    for (const [label, first, second] of classes) {
      const tr = el('tr', '', body), by = second - first;
      el('td', '', tr, label).title = label;
      for (const p of [first, second]) el('td', 'wb-num', tr, percent(p));
      el('td', 'wb-num', tr, `${by < 0 ? '−' : '+'}${Math.abs(100 * by).toFixed(1)} points`);
      const bar = el('i', '', el('span', 'wb-both', el('td', '', tr)));
      Object.assign(bar.style, { width: `${50 * Math.abs(by)}%`, left: `${by < 0 ? 50 + 50 * by : 50}%`, background: `var(--wb-${by < 0 ? 'accent' : 'second'})` });
    }
  };

  const draw = () => {
    const state = model.get('input');
    if (!('example' in state)) return;
    const parts = () => [...box.querySelectorAll('input:not([hidden]), button, summary')], active = root.getRootNode().activeElement;
    const at = parts().indexOf(active), typed = at >= 0 && active.type === 'text' && active.value !== active.defaultValue ? active.value : null;
    box.replaceChildren();
    const lines = [state, state.other].filter(Boolean).map((one, second) => {
      const line = el('div', 'wb-input', box), says = () => el('span', '', line);
      const ask = (input, file) => page.ask({ input: second ? { other: input } : input, file });
      line.setAttribute('role', 'group');
      line.setAttribute('aria-label', second ? 'Second input' : 'Input');
      if (second) el('span', 'wb-dim', line, 'compared with');
      const say = (sentence, wrong = true) => {
        said.textContent = sentence;
        said.className = wrong ? 'wb-wrong' : 'wb-dim wb-num';
        said.setAttribute('role', wrong ? 'alert' : 'status');
      };
      text(line, one, ask);
      examples(line, one, ask);
      picture(line, one, ask, say);
      nodes(line, one, ask);
      columns(line, one, ask, second);
      if (second) button(line, 'Close', () => page.ask({ input: { compare: false } }), 'Close the comparison');
      else if (!state.other) button(line, 'Compare with …', () => page.ask({ input: { compare: true } }), 'Compare with a second input');
      const said = says();
      say(one.said, one.wrong);
      return line;
    });
    if (state.other) change(state.other.change);
    if (at < 0) return lines;
    const next = parts()[at] || parts().at(-1);
    next?.focus();
    if (typed !== null && next?.type === 'text') next.value = typed;
    return lines;
  };

  // A picture may be dropped anywhere on the panel; on the second line it is the second input.
  const over = event => { if (event.dataTransfer?.types.includes('Files') && model.get('input').picture) event.preventDefault(); };
  const dropped = event => {
    const file = event.dataTransfer?.files[0], [first, second] = box.querySelectorAll('.wb-input');
    if (!file || !first?.drop) return;
    event.preventDefault();
    event.stopPropagation();
    (second?.contains(event.target) ? second : first).drop(file);
  };
  root.addEventListener('dragover', over);
  root.addEventListener('drop', dropped);
  draw();
  model.on('change:input', draw);
  return {
    tab() {},
    release() {},
    end() {
      model.off('change:input', draw);
      root.removeEventListener('dragover', over);
      root.removeEventListener('drop', dropped);
    },
  };
};
