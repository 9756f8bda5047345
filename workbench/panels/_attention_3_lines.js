// The same map as lines between tokens; a canvas for this view and those of attention_places.js.
const sharp = (canvas, wide, tall) => {
  const dpr = window.devicePixelRatio || 1, context = canvas.getContext('2d');
  canvas.width = Math.round(wide * dpr);
  canvas.height = Math.round(tall * dpr);
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${tall}px`;
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  return context;
};
const keyboard = (canvas, hand, steps) => {
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.addEventListener('keydown', event => {
    const move = ARROWS[event.key];
    if (move) hand.move(move[0] * (steps ? steps() : 1) + (steps ? move[1] : 0), steps ? 0 : move[1]);
    else if (!hand.key(event)) return;
    event.preventDefault();
  });
};

const MOST_LINES = 80;
const lines = (kit, parent, hand) => {
  const box = kit.el('div', 'wb-lines', parent), left = kit.el('div', 'wb-side', box), canvas = kit.focusable(kit.el('canvas', '', box), 'Lines from queries on the left to keys on the right'), right = kit.el('div', 'wb-side', box);
  keyboard(canvas, hand);
  const GAP = 17;
  const side = (parent, names, mine) => {
    parent.replaceChildren();
    names.forEach((name, i) => {
      const token = kit.el('span', 'wb-mono', parent, name);
      token.title = name;
      token.style.height = `${GAP}px`;
      if (mine(i)) token.dataset.on = 'true';
      const cell = () => (parent === left ? [i, hand.at.key] : [hand.at.query, i]);
      token.addEventListener('mouseenter', () => hand.over(...cell()));
      token.addEventListener('mouseleave', hand.leave);
      token.addEventListener('click', () => hand.pin(...cell()));
    });
  };
  const show = (f, names) => {
    const wide = Math.max(90, Math.min(300, hand.room(170) - 60)), context = sharp(canvas, wide, GAP * Math.max(f.rows, f.cols)), ink = hand.inks(), focus = hand.at.query;
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < f.rows; i++) {
        if ((i === focus) !== Boolean(pass)) continue;
        for (let j = 0; j < f.cols; j++) {
          const v = f.at(i, j), share = Math.min(1, Math.abs(v) / f.top);
          if (!(share > 0.01) && !Number.isNaN(v)) continue;
          context.strokeStyle = Number.isNaN(v) ? rgba(NAN, 0.9) : rgba(v < 0 ? ink.minus : ink.plus, share * (pass ? 1 : 0.28));
          context.lineWidth = pass ? 1 + 2 * share : 1;
          context.beginPath();
          context.moveTo(0, (i + 0.5) * GAP);
          context.bezierCurveTo(wide / 2, (i + 0.5) * GAP, wide / 2, (j + 0.5) * GAP, wide, (j + 0.5) * GAP);
          context.stroke();
        }
      }
    }
    side(left, names.queries, i => i === focus);
    side(right, names.keys, j => Math.abs(f.at(focus, j)) > 0.1 * f.top);
  };
  return { box, show };
};
