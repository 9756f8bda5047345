// A node of the graph, by its number or beside the one on show.
MEANS.push(({ el, button, field }) => {
  const named = ({ name, said }) => (said ? `${name} · ${said}` : name);
  const head = (line, { nodes: graph }, ask) => {
    const { node, count, own } = graph, label = el('label', '', line, 'node');
    const input = field(label, String(node ?? ''), `Node, 0 to ${count - 1}`, typed => ask({ node: typed.trim() === '' ? null : typed }));
    input.inputMode = 'numeric';
    input.className = 'wb-node';
    el('span', 'wb-dim wb-num', line, `of ${count.toLocaleString('en')}${own ? `: ${own.said || own.name}` : ''}`);
    if (own) button(line, 'All nodes', () => ask({ node: null }), 'Explain all nodes together');
  };
  const tail = (line, { nodes: graph }, ask) => {
    const { own, listed, more } = graph, list = el('div', 'wb-nodes', line);
    list.setAttribute('role', 'group');
    list.setAttribute('aria-label', own ? 'Neighbours' : 'Nodes');
    el('span', 'wb-dim', list, own ? 'neighbours' : 'nodes');
    for (const one of listed) button(list, named(one), () => ask({ node: one.node }), `Node ${one.node}: ${named(one)}`);
    if (more) el('span', 'wb-dim', list, `and ${more.toLocaleString('en')} more`);
  };
  return { head, tail };
});
