// What is edited inside the model, what that did to the output, and how to take it back.
export default (kit, host, model, page) => {
  const { el, button } = kit;
  const bar = el('div', 'wb-edited', host);
  bar.setAttribute('role', 'status');
  const draw = () => {
    const { said, effect } = model.get('edited');
    bar.replaceChildren();
    bar.hidden = !said;
    if (!said) return;
    el('b', '', bar, 'edited');
    el('span', '', bar, said.join(' · '));
    el('span', 'wb-dim wb-num', bar, effect);
    el('span', 'wb-space', bar);
    button(bar, 'Reset', () => page.ask({ reset: true }), 'Take all edits back');
  };
  model.on('change:edited', draw);
  draw();
  return { tab() {}, release() {}, end() { model.off('change:edited', draw); } };
};
