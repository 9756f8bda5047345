// Another text: typed, or one of those typed before.
MEANS.push(({ el, field }) => {
  const head = (line, { text: now, history }, ask) => {
    const input = field(line, now, 'Input text; Enter looks at it', typed => ask({ text: typed })), past = el('datalist', '', line);
    past.id = `wb-past-${Math.random().toString(36).slice(2)}`;
    input.setAttribute('list', past.id);
    for (const old of history.slice(1)) el('option', '', past).value = old;
  };
  return { head };
});
