// The Inspector's frame: header, tabs, code, footer. A tab's own file arrives with the tab, when it is first opened.
const load = source => {
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return import(url).finally(() => URL.revokeObjectURL(url));
};

// Files are offered to the browser by the page itself; nothing is sent anywhere.
const offer = (name, blob) => {
  const link = kit.el('a'), url = URL.createObjectURL(blob);
  link.href = url;
  link.download = name.replace(/[^\p{L}\p{N}._-]+/gu, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
};

// What is on show as an SVG that needs nothing else: the panel's own markup, canvases as pictures, its own style.
const drawing = (root, css) => {
  const { width, height } = root.getBoundingClientRect(), copy = root.cloneNode(true);
  const svg = new DOMParser().parseFromString('<svg><style></style><foreignObject></foreignObject></svg>', 'text/html').querySelector('svg');
  const [style, holder] = svg.children, canvases = copy.querySelectorAll('canvas'), fields = copy.querySelectorAll('input');
  style.textContent = css;
  for (const name of new Set(css.match(/--wb-[a-z0-9]+/g))) copy.style.setProperty(name, getComputedStyle(root).getPropertyValue(name));
  copy.style.margin = 0;
  root.querySelectorAll('canvas').forEach((canvas, i) => {
    const image = kit.el('img', canvas.className), { width: wide, height: tall } = getComputedStyle(canvas);
    Object.assign(image.style, { width: wide, height: tall, display: 'block', imageRendering: 'pixelated' });
    image.src = canvas.toDataURL();
    canvases[i].replaceWith(image);
  });
  root.querySelectorAll('input').forEach((field, i) => fields[i].setAttribute('value', field.value));
  for (const hidden of copy.querySelectorAll('.wb-head button')) hidden.style.visibility = 'hidden';
  for (const node of [svg, holder]) { node.setAttribute('width', Math.ceil(width)); node.setAttribute('height', Math.ceil(height)); }
  holder.append(copy);
  // What no XML may hold would leave the picture empty.
  return new XMLSerializer().serializeToString(svg).replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
};

// As PNG, with two pixels for each of the page's.
const pixels = async svg => {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = kit.el('canvas'), context = canvas.getContext('2d');
  [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => canvas.toBlob(blob => (blob ? done(blob) : fail(new Error('the browser made no picture'))), 'image/png'));
};

export default {
  render({ model: given, el: root }) {
    const model = kit.tether(given, root);
    const { el, button, focusable } = kit;
    root.classList.add('wb', 'wb-inspector');
    const head = el('div', 'wb-head', root), about = model.get('about');
    el('b', '', head, about.name);
    const known = el('span', 'wb-dim wb-mono', head, about.facts), onAbout = () => { known.textContent = model.get('about').facts; };
    model.on('change:about', onAbout);
    el('span', 'wb-space', head);
    const status = el('span', 'wb-dim', head);
    status.setAttribute('role', 'status');
    const renew = button(head, 'Refresh', () => link.ask({ tab: current }), 'Compute again with the weights of now');
    renew.title = 'Compute again with the weights of now';
    const coding = button(head, 'Show code', () => {
      code.hidden = !code.hidden;
      coding.textContent = code.hidden ? 'Show code' : 'Hide code';
      coding.setAttribute('aria-expanded', String(!code.hidden));
    });
    coding.setAttribute('aria-expanded', 'false');
    const saving = el('span', 'wb-save wb-dim', head, 'Save');
    const name = kind => `${about.name}-${current}.${kind}`, told = text => { status.textContent = text; };
    let wanted = 0;
    const picture = () => drawing(root, model.get('_css') || '');
    for (const [kind, act] of [
      ['PNG', () => pixels(picture()).then(blob => offer(name('png'), blob)).catch(error => told(`not saved: ${error.message}`))],
      ['SVG', () => offer(name('svg'), new Blob([picture()], { type: 'image/svg+xml' }))],
      ['CSV', () => model.send({ type: 'wish', seq: (wanted = Date.now()), wish: { save: 'csv', tab: current } })],
    ]) button(saving, kind, act, `Save as ${kind}`);
    // The figures are in the kernel, which sends them when they are asked for.
    const onFile = (message, buffers) => {
      if (message.type !== 'file' || message.seq !== wanted) return;
      told(message.error && `not saved: ${message.error}`);
      if (!message.error) offer(name('csv'), new Blob(buffers, { type: 'text/csv' }));
    };
    model.on('msg:custom', onFile);
    const list = el('div', 'wb-tabs', root);
    list.setAttribute('role', 'tablist');
    const code = el('div', '', root), snippet = (title, label) => {
      const box = el('div', 'wb-code', code);
      el('h4', '', box, title);
      const lines = el('pre', '', box);
      button(box, 'Copy', () => navigator.clipboard?.writeText(lines.textContent), label);
      return text => { box.hidden = !text; lines.textContent = text || ''; };
    };
    const screen = snippet('this screen', 'Copy the cell of this screen'), lines = snippet('its figures', 'Copy the lines of its figures');
    code.hidden = true;
    const body = el('div', 'wb-body', root), foot = el('div', 'wb-foot', root);
    body.setAttribute('role', 'tabpanel');
    const says = el('div', '', body);

    let waits = false;
    const tell = () => {
      const better = model.get('working'), followed = model.get('following'), stale = model.get('stale') && !held;
      const quiet = stale ? 'the weights have changed since this was computed' : followed;
      status.textContent = waits ? 'computing … (a busy kernel answers when its cell has ended)' : better ? 'taking more steps …' : quiet;
      root.classList.toggle('wb-stale', stale && !better);
      status.classList.toggle('wb-wait', waits || better);
    };
    // While a person looks at the past, newer frames are not drawn; whatever they ask for is about the newest.
    let held = false;
    const release = () => { if (held) { held = false; for (const part of extra.values()) part.release(); tell(); onFrame(); } };
    const wishes = kit.wishes(model, late => { waits = late; tell(); }), link = { ...wishes, ask(wish) { release(); wishes.ask(wish); } };
    model.on('change:working change:following change:stale', tell);
    tell();

    // Parts that only some panels need (the timeline, the edits) arrive when they are needed.
    const extras = el('div', ''), extra = new Map();
    body.before(extras);
    const now = el('p', 'wb-now wb-dim');
    now.setAttribute('role', 'status');
    body.before(now);
    const panel = { tab: () => current, ask: wish => link.ask({ tab: current, ...wish }), hold() { held = true; now.textContent = ''; tell(); }, live: release, draw: frame => draw(frame, false) };
    const extend = () => {
      for (const [name, text] of Object.entries(model.get('sources'))) {
        if (name[0] !== '_' || extra.has(name)) continue;
        extra.set(name, { tab() {}, release() {}, end() {} });
        load(text).then(m => extra.set(name, m.default(kit, extras, model, panel)));
      }
    };
    model.on('change:sources', extend);

    // The kernel watches the weights only while somebody sees the panel.
    const self = Math.random().toString(36).slice(2);
    let near = false, was = false;
    const seen = () => {
      const on = near && !document.hidden;
      if (on !== was) model.send({ type: 'seen', page: self, on });
      was = on;
    };
    const gone = () => { near = false; seen(); };
    const sight = new IntersectionObserver(all => { near = all.at(-1).isIntersecting; seen(); });
    sight.observe(root);
    document.addEventListener('visibilitychange', seen);
    window.addEventListener('pagehide', gone);
    const tabs = new Map(), pages = new Map();
    let dark = false, current = '';

    const choose = name => {
      const past = held && name !== current ? `Frames of the past were kept of ${tabs.get(current).textContent} alone: ${tabs.get(name).textContent} shows the newest weights.` : '';
      says.replaceChildren();
      mark(name);
      link.ask({ tab: name });
      now.textContent = past;
    };
    const mark = name => {
      current = name;
      for (const [key, tab] of tabs) {
        tab.setAttribute('aria-selected', String(key === name));
        tab.tabIndex = key === name ? 0 : -1;
      }
      for (const [key, page] of pages) page.box.hidden = key !== name;
      body.setAttribute('aria-label', tabs.get(name)?.textContent || '');
      root.dataset.tab = name;
      for (const part of extra.values()) part.tab();
    };
    for (const { name, title, refused } of model.get('tabs')) {
      const tab = button(list, title, () => choose(name));
      tab.setAttribute('role', 'tab');
      tab.dataset.refused = String(Boolean(refused));
      if (refused) tab.title = refused;
      tabs.set(name, tab);
    }
    focusable(list).addEventListener('keydown', event => {
      const names = [...tabs.keys()], at = names.indexOf(current);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const name = names[(to + names.length) % names.length];
      tabs.get(name).focus();
      choose(name);
    });

    // A page is made once a tab; later frames are drawn into it.
    const page = name => {
      if (!pages.has(name)) {
        const box = el('div', '', body);
        const ask = part => link.ask({ tab: name, part });
        pages.set(name, { box, view: load(model.get('sources')[name]).then(m => m.default(kit, box, ask)) });
      }
      return pages.get(name);
    };

    const draw = async (frame, part) => {
      const name = frame.wish?.tab;
      if (!name) return;
      if (!part) mark(name);
      says.replaceChildren();
      if (frame.error) {
        const box = el('div', 'wb-error', says, frame.error);
        box.setAttribute('role', 'alert');
        if (frame.where) {
          const more = el('details', '', box);
          focusable(el('summary', 'wb-dim', more, 'where it came from'));
          el('pre', 'wb-mono', more, frame.where);
        }
        for (const { box: other } of pages.values()) other.hidden = true;
        return kit.marks(foot, [{ level: 'bad', text: 'nothing was computed' }]);
      }
      if (frame.refused) {
        el('p', 'wb-refused wb-dim', says, frame.refused);
      } else {
        const { box, view } = page(name);
        box.hidden = name !== current;
        (await view)[part ? 'part' : 'whole'](frame, dark, link.idle());
      }
      for (const { level, text } of frame.doubts || []) {
        if (level === 'bad') el('p', 'wb-error', says, `Do not rely on this: ${text}.`).setAttribute('role', 'alert');
      }
      root.dataset.seq = frame.seq;
      screen(frame.cell);
      lines(frame.code);
      coding.disabled = !frame.code && !frame.cell;
      kit.marks(foot, frame.doubts, frame.refused ? '' : `${kit.short(frame.bytes, 'B')} sent · ${Math.round(frame.ms)} ms`);
    };
    const onFrame = () => { const f = model.get('frame'); link.answered(f.seq); if (!held && (link.idle() || f.wish?.tab === current)) draw(f, false); };
    const onDetail = () => { const f = model.get('detail'); link.answered(f.seq); if (!held && f.wish?.tab === current) draw(f, true); };
    model.on('change:frame', onFrame);
    model.on('change:detail', onDetail);
    const untheme = kit.themed(root, now => {
      dark = now;
      const whole = model.get('frame'), part = model.get('detail');
      if (whole.wish) draw(whole, false).then(() => { if (part.wish && part.wish.tab === whole.wish.tab && part.seq > whole.seq) draw(part, true); });
    });
    extend();
    return () => {
      for (const part of extra.values()) part.end();
      gone();
      sight.disconnect();
      document.removeEventListener('visibilitychange', seen);
      window.removeEventListener('pagehide', gone);
      model.off('change:sources', extend); model.off('change:about', onAbout); model.off('msg:custom', onFile); model.off('change:working change:following change:stale', tell); model.off('change:frame', onFrame); model.off('change:detail', onDetail); link.end(); untheme();
    };
  },
};
