// A picture of one's own. Its bytes go to the kernel behind the message.
MEANS.push(({ el, button, focusable }) => {
  const send = (file, { picture: { most } }, ask, say) => {
    // A message larger than Jupyter allows would end the connection.
    if (file.size > most) return say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; a picture of up to ${most / 1e6} MB is read.`);
    file.arrayBuffer().then(bytes => ask({ picture: file.name }, bytes));
  };
  const head = (line, state, ask, say) => {
    const file = focusable(el('input', '', line), 'Picture file');
    Object.assign(file, { type: 'file', accept: 'image/png,image/jpeg,image/webp,image/gif,image/bmp', hidden: true });
    file.addEventListener('change', () => { if (file.files[0]) send(file.files[0], state, ask, say); });
    button(line, 'Upload picture …', () => file.click(), 'Upload a picture; it may also be dropped on the panel');
    if (state.picture.name) el('span', '', line, state.picture.name);
    line.drop = dropped => send(dropped, state, ask, say);
  };
  return { head };
});
