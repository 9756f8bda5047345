// The same map as lines between tokens, on a picture, on a graph. Sent where one of these can be drawn.
export default (kit, stage, hand, { ARROWS, rgba, NAN }) => {
  const sharp = (canvas, wide, tall) => {
    const dpr = window.devicePixelRatio || 1, context = canvas.getContext('2d');
    canvas.width = Math.round(wide * dpr);
    canvas.height = Math.round(tall * dpr);
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${tall}px`;
    context.setTransform(dpr, 0, 0, dpr, 0, 0);
    return context;
  };
  const keyboard = (canvas, steps) => {
    canvas.tabIndex = 0;
    canvas.setAttribute('role', 'application');
    canvas.addEventListener('keydown', event => {
      const move = ARROWS[event.key];
      if (move) hand.move(move[0] * (steps ? steps() : 1) + (steps ? move[1] : 0), steps ? 0 : move[1]);
      else if (!hand.key(event)) return;
      event.preventDefault();
    });
  };

  const lines = parent => {
    const box = kit.el('div', 'wb-lines', parent), left = kit.el('div', 'wb-side', box), canvas = kit.focusable(kit.el('canvas', '', box), 'Lines from queries on the left to keys on the right'), right = kit.el('div', 'wb-side', box);
    keyboard(canvas);
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
            context.strokeStyle = Number.isNaN(v) ? rgba(NAN, 0.9) : rgba(v < 0 ? ink.minus : ink.plus, pass ? 0.2 + 0.8 * share : 0.45 * Math.sqrt(share));
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

  const lit = parent => {
    const box = kit.el('div', 'wb-lit', parent), canvas = kit.focusable(kit.el('canvas', '', box), 'The picture, lit where the chosen patch looks; arrow keys choose a patch'), key = kit.el('p', 'wb-dim', box), others = kit.el('div', 'wb-chips', box);
    let grid = null, f = null;
    keyboard(canvas, () => grid[1]);
    const under = event => {
      const r = canvas.getBoundingClientRect(), i = Math.floor((event.clientY - r.top) / r.height * grid[0]), j = Math.floor((event.clientX - r.left) / r.width * grid[1]);
      return grid[2] + Math.max(0, Math.min(grid[0] - 1, i)) * grid[1] + Math.max(0, Math.min(grid[1] - 1, j));
    };
    const square = () => f.rows === f.cols;
    canvas.addEventListener('mousemove', event => { const p = under(event); square() ? hand.over(p, p) : hand.over(hand.at.query, p); });
    canvas.addEventListener('mouseleave', hand.leave);
    canvas.addEventListener('click', event => { const p = under(event); square() ? hand.pin(p, p) : hand.pin(hand.at.query, p); });
    // Points that a query samples: the larger, the more weight; a shape for each picture of the pyramid.
    const SHAPES = [['●', (c, x, y, r) => c.arc(x, y, r, 0, 7)], ['■', (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r)], ['▲', (c, x, y, r) => polygon(c, x, y, 1.2 * r, 3)], ['◆', (c, x, y, r) => polygon(c, x, y, 1.2 * r, 4)], ['⬢', (c, x, y, r) => polygon(c, x, y, 1.1 * r, 6)]];
    const polygon = (c, x, y, r, n) => { for (let k = 0; k < n; k++) c.lineTo(x + r * Math.sin(2 * Math.PI * k / n), y - r * Math.cos(2 * Math.PI * k / n)); c.closePath(); };
    const points = (context, wide, tall, meta, frame, q) => {
      const [first, end, levels] = meta.points, held = q >= first && q < end, n = levels.length, most = Math.max(...levels);
      key.textContent = held ? `${n} points are sampled, the larger the more weight${most ? `; ${[...Array(most + 1).keys()].map(l => `${SHAPES[l % 5][0]} level ${l}`).join(', ')}` : ''}; hollow: beyond the border` : 'choose this query to see the points that it samples';
      if (!held) return false;
      const at = kit.values(frame.arrays.points), codes = kit.values(frame.arrays.pointed), row = q - first;
      const share = k => (codes[row * n + k] / 255) ** 2, top = Math.max(1e-12, ...levels.map((_, k) => share(k)));
      const place = (k, axis) => at[2 * (row * n + k) + axis] / 65535 * 1.5 - 0.25;
      for (const k of levels.map((_, k) => k).sort((a, b) => share(a) - share(b))) {
        const [u, v] = [place(k, 0), place(k, 1)], inside = u >= 0 && u <= 1 && v >= 0 && v <= 1, size = 2.5 + 6.5 * Math.sqrt(share(k) / top);
        const x = Math.min(wide - size, Math.max(size, u * wide)), y = Math.min(tall - size, Math.max(size, v * tall));
        context.beginPath();
        SHAPES[levels[k] % 5][1](context, x, y, size);
        context.fillStyle = rgba([255, 140, 0], inside ? 0.35 + 0.6 * share(k) / top : 0);
        context.fill();
        context.lineWidth = 2.5;
        context.strokeStyle = 'rgba(0,0,0,.55)';
        context.stroke();
        context.lineWidth = 1.2;
        context.strokeStyle = inside ? '#fff' : rgba([255, 140, 0], 1);
        context.stroke();
      }
      return true;
    };
    const show = (field, names, meta, image, frame) => {
      [f, grid] = [field, meta.grid];
      const [h, w] = image.shape, data = kit.values(image), zoom = Math.min(320, hand.room(0)) / Math.max(h, w), wide = w * zoom, tall = h * zoom;
      const context = sharp(canvas, wide, tall), source = kit.el('canvas'), pixels = (source.width = w, source.height = h, source.getContext('2d'));
      const drawn = pixels.createImageData(w, h), q = hand.at.query, [rows, cols, before] = grid, ink = hand.inks();
      for (let k = 0; k < h * w; k++) drawn.data.set([data[3 * k], data[3 * k + 1], data[3 * k + 2], 255], 4 * k);
      pixels.putImageData(drawn, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(source, 0, 0, wide, tall);
      key.textContent = '';
      const pointed = meta.points && points(context, wide, tall, meta, frame, q);
      const patches = pointed ? [] : Array.from({ length: rows * cols }, (_, k) => f.at(q, before + k)), top = Math.max(1e-12, ...patches.map(v => Math.abs(v) || 0)), pw = wide / cols, ph = tall / rows;
      patches.forEach((v, k) => {
        const x = (k % cols) * pw, y = Math.floor(k / cols) * ph;
        context.fillStyle = Number.isNaN(v) ? rgba(NAN, 0.8) : rgba(v < 0 || !f.signed ? [255, 140, 0] : [64, 140, 255], 0.85 * Math.abs(v) / top);
      context.fillRect(x, y, pw + 0.5, ph + 0.5);
      });
      const at = q - before;
      if (square() && at >= 0) {
        context.strokeStyle = '#fff';
        context.lineWidth = 3;
        context.strokeRect((at % cols) * pw + 1.5, Math.floor(at / cols) * ph + 1.5, pw - 3, ph - 3);
        context.strokeStyle = getComputedStyle(box).getPropertyValue('--wb-accent');
        context.lineWidth = 1.5;
        context.strokeRect((at % cols) * pw + 1.5, Math.floor(at / cols) * ph + 1.5, pw - 3, ph - 3);
      }
      others.replaceChildren();
      for (let i = 0; i < (square() ? before : Math.min(f.rows, 100)); i++) {
        const chip = kit.button(others, names.queries[i], () => hand.pin(i, hand.at.key), `Look from ${names.queries[i]}`);
        chip.setAttribute('aria-pressed', String(i === q));
      }
    };
    return { box, show };
  };

  const graph = parent => {
    const box = kit.el('div', 'wb-graph', parent), canvas = kit.focusable(kit.el('canvas', '', box), 'The graph: edges as strong as their weight; arrow keys choose a node');
    let at = null, side = 300;
    keyboard(canvas);
    const PAD = 16, x = i => PAD + at[2 * i] * (side - 2 * PAD), y = i => PAD + at[2 * i + 1] * (side - 2 * PAD);
    const nearest = event => {
      const r = canvas.getBoundingClientRect(), px = event.clientX - r.left, py = event.clientY - r.top;
      let best = 0, least = Infinity;
      for (let i = 0; 2 * i < at.length; i++) { const d = Math.hypot(px - x(i), py - y(i)); if (d < least) [best, least] = [i, d]; }
      return least < 24 ? best : null;
    };
    canvas.addEventListener('mousemove', event => { const i = nearest(event); if (i === null) hand.leave(); else hand.over(i, i); });
    canvas.addEventListener('mouseleave', hand.leave);
    canvas.addEventListener('click', event => { const i = nearest(event); if (i !== null) hand.pin(i, i); });
    const show = (f, names, frame, places) => {
      at = kit.values(places);
      side = Math.min(460, hand.room(0));
      const { edges, edge } = frame.arrays, ends = kit.values(edges), codes = kit.values(edge), n = edges.shape[1], context = sharp(canvas, side, side), ink = hand.inks(), q = hand.at.query;
      const style = getComputedStyle(box), text = style.getPropertyValue('--wb-ink'), line = (k, colour, width) => {
        const [s, t] = [ends[k], ends[n + k]];
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.beginPath();
        if (s === t) context.arc(x(s), y(s) - 7, 5, 0, 7); else { context.moveTo(x(s), y(s)); context.lineTo(x(t), y(t)); }
        context.stroke();
      };
      const share = k => (codes[k] / 255) ** 2;
      for (let k = 0; k < n; k++) line(k, rgba(ink.plus, 0.06 + 0.4 * share(k)), 0.7 + 1.5 * share(k));
      for (let k = 0; k < n; k++) if (ends[k] === q) line(k, rgba(ink.minus, 0.25 + 0.75 * share(k)), 1 + 3 * share(k));
      for (let k = 0; k < n; k++) if (ends[n + k] === q) line(k, rgba(ink.plus, 0.25 + 0.75 * share(k)), 1.5 + 4 * share(k));
      const few = names.queries.length <= 60, r = few ? 8 : 3;
      context.font = '9px sans-serif';
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      for (let i = 0; 2 * i < at.length; i++) {
        context.fillStyle = i === q ? rgba(ink.plus, 1) : style.getPropertyValue('--wb-bg');
        context.strokeStyle = i === q ? rgba(ink.plus, 1) : style.getPropertyValue('--wb-dim');
        context.lineWidth = 1;
        context.beginPath();
        context.arc(x(i), y(i), i === q ? r + 1 : r, 0, 7);
        context.fill();
        context.stroke();
        if (few) { context.fillStyle = i === q ? rgba(ink.paper, 1) : text; context.fillText(names.queries[i], x(i), y(i)); }
      }
    };
    return { box, show };
  };
  return { lines: lines(stage), picture: lit(stage), graph: graph(stage) };
};
