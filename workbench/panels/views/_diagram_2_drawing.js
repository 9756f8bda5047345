// What is drawn of a placed box, and the whole drawing as a file of its own.
const NS = 'http://www.w3.org/2000/svg';

const svgEl = (tag, cls, parent, attributes = {}, text = null) => {
  const node = document.createElementNS(NS, tag);
  if (cls) node.setAttribute('class', cls);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) node.textContent = text;
  parent?.append(node);
  return node;
};

const say = ({ box, name, open: opened }) => [
  box.kind === 'operation' ? box.type : [box.type, name].filter(Boolean).join(' '), box.kind === 'group' && `${box.parts.length} times`, box.output,
  box.attention && 'attention', box.kind === 'operation' && box.residuals && 'residual', box.rows && (opened ? 'open' : 'folded'),
].filter(Boolean).join(', ');

// One box; `marked` holds the keys of the box with the focus and of the one that was chosen.
const drawNode = (focusable, here, parent, marked) => {
  const { box, w, h, title, under } = here, foldable = Boolean(box.rows), call = box.kind === 'operation', ends = box.kind === 'input' || box.kind === 'output';
  const g = focusable(svgEl('g', 'wb-node', parent, { transform: `translate(${here.X} ${here.Y})`, role: 'treeitem', tabindex: here.key === marked.cursor ? 0 : -1 }), say(here));
  g.setAttribute('aria-level', here.level + 1);
  g.setAttribute('aria-selected', String(here.key === marked.chosen));
  if (foldable) g.setAttribute('aria-expanded', String(here.open));
  Object.assign(g.dataset, { key: here.key, kind: box.kind, open: here.open, odd: here.level % 2, attention: Boolean(box.attention), residual: Boolean(call && box.residuals) });
  if (box.kind === 'group' && !here.open) svgEl('rect', 'wb-behind', g, { x: 4, y: 4, width: w, height: h, rx: 7 });
  svgEl('rect', 'wb-box', g, { width: w, height: h, rx: call ? FLAT / 2 : ends ? h / 2 : here.open ? 9 : 7 });
  if (here.open) {
    const heading = svgEl('text', 'wb-title', g, { x: 19, y: 18 }, title);
    if (here.name) svgEl('tspan', 'wb-under', heading, { dx: 8 }, here.name);
  } else {
    const sign = call && [...title].length === 1;
    svgEl('text', sign ? 'wb-sign' : call ? 'wb-call' : 'wb-title', g, { x: w / 2, y: call ? (sign ? 17 : 16) : 17, 'text-anchor': 'middle' }, title);
    if (under) svgEl('text', 'wb-under', g, { x: w / 2, y: 32, 'text-anchor': 'middle' }, under);
    let right = w;
    for (const [count, name] of call || ends ? [] : [[box.attentions, 'attention'], [box.residuals, 'residual']]) {
      if (count) svgEl('circle', `wb-dots wb-${name}`, g, { cx: (right -= 13), cy: 0, r: 4 });
    }
  }
  if (foldable) svgEl('text', 'wb-fold', g, { x: 6, y: here.open ? 18 : h / 2 + 4 }, here.open ? '▾' : '▸');
  if (box.kind === 'group') svgEl('text', 'wb-times', g, { x: w - 12, y: 18, 'text-anchor': 'end' }, `× ${box.parts.length}`);
  return g;
};

// The whole drawing of `svg`, also what is not in sight, with its looks as attributes, so that any program opens it.
const standalone = (svg, view, items) => {
  const drawing = svgEl('svg', '', view, { xmlns: NS, viewBox: svg.getAttribute('viewBox'), style: 'position:absolute;visibility:hidden;width:0;height:0' });
  const groups = [];
  for (const item of items) {
    while (groups.length <= item.layer + 1) groups.push(svgEl('g', '', drawing));
    item.make(groups[item.layer + 1]);
  }
  for (const node of drawing.querySelectorAll('rect, path, text, tspan, circle')) {
    const look = getComputedStyle(node), text = node.tagName[0] === 't';
    for (const name of text ? ['fill', 'font-size', 'font-weight', 'font-family'] : ['fill', 'stroke', 'stroke-width']) node.setAttribute(name, look.getPropertyValue(name));
  }
  for (const node of drawing.querySelectorAll('*')) for (const name of node.getAttributeNames()) if (/^(class|role|tabindex|aria-.*|data-.*)$/.test(name)) node.removeAttribute(name);
  const [, , w, h] = svg.getAttribute('viewBox').split(' ');
  const paper = svgEl('rect', '', null, { width: w, height: h, fill: getComputedStyle(view).backgroundColor });
  drawing.prepend(paper);
  drawing.removeAttribute('style');
  drawing.setAttribute('width', w);
  drawing.setAttribute('height', h);
  drawing.remove();
  return new XMLSerializer().serializeToString(drawing).replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
};
