// Another example: the one beside it, one at random, or one that the model gets wrong.
MEANS.push(({ el, button }) => {
  const head = (line, { example, examples: count, answers, away }, ask) => {
    const go = to => ask({ example: (to + count) % count });
    el('span', 'wb-dim wb-num', line, `${away ? 'beside ' : ''}example ${(example + 1).toLocaleString('en')} of ${count.toLocaleString('en')}`);
    button(line, '◀', () => go(example - 1), 'Previous example');
    button(line, '▶', () => go(example + 1), 'Next example');
    button(line, 'Random', () => go(example + 1 + Math.floor(Math.random() * (count - 1))), 'Random example');
    if (answers) button(line, 'Misclassified', () => ask({ misclassified: true }), 'The first or next misclassified example');
  };
  return { head };
});
