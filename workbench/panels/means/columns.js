// Another value in a column of the row on show.
MEANS.push(({ el, button, focusable, field, short }) => {
  const open = new Map();
  // A cell that is typed while the one before is still computed must not replace it.
  const waiting = [{}, {}];
  const tail = (line, { columns: cells, wrong }, ask, key) => {
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
      label.title = `${name}: ${own} in this example${range ? `, ${short(range[0])} to ${short(range[1])} in the data` : ''}`;
      const input = field(label, String(value), name, typed => put(unique ? name : i, typed));
      input.inputMode = 'decimal';
      input.dataset.on = String(on);
    });
    if (changed) button(more, 'Reset cells', () => { waiting[key] = {}; ask({ reset: true }); });
  };
  return { tail };
});
