// Maps over two axes: pictures, spectrograms, the frames of a video. Inks and figures that the other drawings share too.
const tint = dark => ({
  paper: dark ? [24, 26, 31] : [255, 255, 255], plus: dark ? [255, 180, 84] : [194, 94, 0], minus: dark ? [145, 167, 255] : [40, 70, 190],
  colour(v) {
    const [r, g, b] = v > 0 ? (dark ? [255, 180, 84] : [230, 119, 0]) : dark ? [145, 167, 255] : [59, 91, 219];
    return `rgba(${r},${g},${b},${(0.08 + 0.67 * Math.min(1, Math.abs(v))).toFixed(3)})`;
  },
});
const signed = v => (v >= 0 ? '+' : '−') + Math.abs(v).toPrecision(3);

const painted = (el, parent, rows, wide, paint, label, most = 280) => {
  const node = el('canvas', '', parent), context = (node.width = wide, node.height = rows, node.getContext('2d'));
  const image = context.createImageData(wide, rows);
  for (let i = 0; i < rows * wide; i++) image.data.set(paint(i), 4 * i);
  context.putImageData(image, 0, 0);
  const zoom = most / Math.max(rows, wide);
  node.style.width = `${wide * (zoom >= 1 ? Math.floor(zoom) : Math.max(zoom, 0.5))}px`;
  node.setAttribute('role', 'img');
  node.setAttribute('aria-label', label);
  return node;
};

// A score as a colour: over the picture in grey where it is wanted and there, else over paper.
const shade = (look, inks, picture) => {
  const base = look.over && picture;
  return (v, top, i) => {
    const share = Math.min(1, Math.abs(v) / top), grey = base ? (picture[3 * i] + picture[3 * i + 1] + picture[3 * i + 2]) / 3 : 0;
    const paper = base ? inks.paper.map(p => p + (grey - p) * 0.55) : inks.paper;
    if (share < look.hide / 100) return [...paper, 255];
    const to = v > 0 ? inks.plus : inks.minus, a = Math.sqrt(share) * (base ? 0.85 : 1);
    return [...paper.map((p, k) => Math.round(p + (to[k] - p) * a)), 255];
  };
};

const framesOf = (kit, to, look, inks, scores, top, { scores: { shape: [count, rows, wide] }, image }) => {
  const { el, slider } = kit, picture = image && kit.values(image), box = el('div', 'wb-pixels', to);
  const draw = () => {
    box.replaceChildren();
    const at = rows * wide * look.frame, given = picture && picture.subarray(3 * at);
    if (given) painted(el, el('div', 'wb-over', box), rows, wide, i => [given[3 * i], given[3 * i + 1], given[3 * i + 2], 255], `frame ${look.frame}`);
    const ink = shade(look, inks, given);
    painted(el, el('div', 'wb-over', box), rows, wide, i => ink(scores[at + i], top, i), `scores of frame ${look.frame}`).className = 'wb-scores';
  };
  look.frame = Math.min(look.frame, count - 1);
  slider(to, 'frame', count - 1, look.frame, value => { look.frame = value; draw(); });
  const sums = Array.from({ length: count }, (_, f) => scores.subarray(f * rows * wide, (f + 1) * rows * wide).reduce((a, b) => a + b, 0));
  const strip = el('div', 'wb-strip', to), most = Math.max(1e-12, ...sums.map(Math.abs));
  sums.forEach((v, f) => {
    const bar = el('i', '', strip);
    bar.title = `frame ${f}: ${signed(v)}`;
    Object.assign(bar.style, { height: `${2 + 28 * Math.abs(v) / most}px`, background: inks.colour(Math.sign(v)) });
  });
  draw();
};
