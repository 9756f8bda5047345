// The input row: what may be looked at next, and a second input beside it. Each means of changing an input draws itself:
// ``head`` beside the others, ``tail`` on a line of its own. Those that apply stand before this file.
export default (kit, extras, model, page) => {
  const { el, button, focusable } = kit, box = el('div', 'wb-rows'), root = extras.closest('.wb');
  extras.prepend(box);

  const field = (parent, value, label, act) => {
    const input = focusable(el('input', '', parent), label);
    input.type = 'text';
    input.setAttribute('value', value);
    const again = () => { if (input.value !== value) act(value = input.value); };
    input.addEventListener('keydown', event => { if (event.key === 'Enter') again(); });
    input.addEventListener('change', again);
    return input;
  };
  const means = MEANS.map(make => make({ ...kit, field }));

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

  // Which model the second input is given to; those that cannot take it say why.
  const beside = (line, { model: chosen, models }) => {
    const label = el('label', 'wb-beside', line, 'compared with');
    if (!models.length) return;
    const select = focusable(el('select', '', label), 'Model of the second input');
    el('option', '', select, 'this model').value = '';
    for (const [name, about, refused] of models) {
      const option = el('option', '', select, `${name} · ${refused || about}`);
      option.value = name;
      option.title = refused || about;
      option.disabled = Boolean(refused);
    }
    select.value = chosen;
    select.addEventListener('change', () => page.ask({ input: { other: {}, model: select.value } }));
    el('span', '', line, 'on').className = 'wb-dim';
  };

  const draw = () => {
    const state = model.get('input');
    if (!('example' in state)) return;
    const parts = () => [...box.querySelectorAll('input:not([hidden]), select, button, summary')], active = root.getRootNode().activeElement;
    const at = parts().indexOf(active), typed = at >= 0 && active.type === 'text' && active.value !== active.defaultValue ? active.value : null;
    box.replaceChildren();
    [state, state.other].filter(Boolean).forEach((one, second) => {
      const line = el('div', 'wb-input', box);
      const ask = (input, file) => page.ask({ input: second ? { other: input } : input, file });
      line.setAttribute('role', 'group');
      line.setAttribute('aria-label', second ? 'Second input' : 'Input');
      if (second) beside(line, one);
      const say = (sentence, wrong = true) => {
        said.textContent = sentence;
        said.className = wrong ? 'wb-wrong' : 'wb-dim wb-num';
        said.setAttribute('role', wrong ? 'alert' : 'status');
      };
      for (const { head } of means) head?.(line, one, ask, say);
      if (second) button(line, 'Close', () => page.ask({ input: { compare: false } }), 'Close the comparison');
      else if (!state.other) button(line, 'Compare with …', () => page.ask({ input: { compare: true } }), 'Compare with a second input or another model');
      const said = el('span', '', line);
      say(one.said, one.wrong);
      for (const { tail } of means) tail?.(line, one, ask, second);
    });
    if (state.other) change(state.other.change);
    if (at < 0) return;
    const next = parts()[at] || parts().at(-1);
    next?.focus();
    if (typed !== null && next?.type === 'text') next.value = typed;
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
