// A node of the graph by its number or name, or one beside it: fields of one line, however many nodes there are.
MEANS.push(({ el, button, field, focusable }) => {
  const named = ({ node, name, said }) => [String(node), name === String(node) ? '' : name, said].filter(Boolean).join(' · ');
  const head = (line, { nodes: graph }, ask) => {
    const { node, count, own, listed, more, names } = graph, label = el('label', '', line, 'node');
    const input = field(label, String(node ?? ''), `Node, 0 to ${count - 1}`, typed => ask({ node: typed.trim() === '' ? null : typed.trim() }));
    input.inputMode = names.length ? 'text' : 'numeric';
    input.className = 'wb-node';
    input.placeholder = 'all';
    if (names.length) {
      const known = el('datalist', '', line);
      known.id = `wb-nodes-${Math.random().toString(36).slice(2)}`;
      input.setAttribute('list', known.id);
      for (const name of names) el('option', '', known).value = name;
    }
    el('span', 'wb-dim wb-num', line, `of ${count.toLocaleString('en')}${own ? `: ${own.said || own.name}` : ''}`);
    if (!own) return;
    const beside = focusable(el('select', '', line), 'Neighbours');
    el('option', '', beside, listed.length ? `${(listed.length + more).toLocaleString('en')} neighbours` : 'no neighbours').value = '';
    for (const one of listed) el('option', '', beside, named(one)).value = one.node;
    beside.disabled = !listed.length;
    beside.addEventListener('change', () => { if (beside.value) ask({ node: +beside.value }); });
    button(line, 'All nodes', () => ask({ node: null }), 'Explain all nodes together');
  };
  return { head };
});
