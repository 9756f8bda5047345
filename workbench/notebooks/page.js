// The page's own script, the only one that it carries inline: gives each saved panel a model without a kernel.
const saved = JSON.parse(document.head.querySelector('script[type="application/json"]').textContent);
const installed = new Set(saved.texts);

// Panels load the scripts of their parts as blobs. Whatever text a saved state holds, only installed ones become scripts.
window.Blob = new Proxy(window.Blob, {
  construct(Plain, [parts = [], options = {}]) {
    if (/script/i.test(options.type) && !installed.has([...parts].join(''))) throw new Error('not a script of the workbench');
    return new Plain(parts, options);
  },
});

const binary = text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new DataView(bytes.buffer);
};
const put = (state, path, value) => {
  let at = state;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(at, key) || typeof at[key] !== 'object') return;
    at = at[key];
  }
  Object.defineProperty(at, path.at(-1), { value, enumerable: true, writable: true, configurable: true });
};

class Model {
  constructor({ state, texts, buffers }) {
    for (const [path, k] of texts) put(state, path, saved.texts[k]);
    for (const [path, text] of buffers) put(state, path, binary(text));
    this.state = state;
    this.acts = [];
    this.asked = () => {};
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    this.state[name] = value;
    this.fire(`change:${name}`, value);
    this.fire('change');
  }
  on(names, act) { for (const name of names.split(' ')) this.acts.push({ name, act }); }
  off(names, act) { this.acts = this.acts.filter(a => !((!names || names.split(' ').includes(a.name)) && (!act || act === a.act))); }
  fire(name, value) { for (const a of [...this.acts]) if (a.name === name) a.act(this, value); }
  save_changes() { this.asked(); }
  // There is nobody to ask: a wish is answered by what was on show when the notebook was saved.
  send(message) {
    if (message?.type !== 'wish') return;
    this.asked();
    const { frame, detail } = this.state, seq = message?.seq;
    if (!frame || seq === undefined) return;
    setTimeout(() => {
      this.set('frame', { ...frame, seq });
      if (detail?.wish && frame.wish && detail.wish.tab === frame.wish.tab) this.set('detail', { ...detail, seq });
    });
  }
}

const modules = new Map(), models = new Map(), styled = new Set();
const load = k => {
  if (!modules.has(k)) {
    const url = URL.createObjectURL(new Blob([saved.texts[k]], { type: 'text/javascript' }));
    modules.set(k, import(url).finally(() => URL.revokeObjectURL(url)));
  }
  return modules.get(k);
};
const style = k => {
  if (k === null || styled.has(k)) return;
  styled.add(k);
  document.head.append(Object.assign(document.createElement('style'), { textContent: saved.texts[k] }));
};
const lone = { invoke: () => Promise.reject(new Error('a saved page has no kernel')) };
const alive = (id, signal) => {
  if (!models.has(id)) {
    models.set(id, (async () => {
      const given = saved.panels[id], model = new Model(given), { default: made } = await load(given.script);
      const widget = typeof made === 'function' ? await made() : made;
      await widget.initialize?.({ model, signal, experimental: lone });
      return { model, widget };
    })());
  }
  return models.get(id);
};

const draw = async host => {
  if (host.dataset.drawn) return;
  host.dataset.drawn = 'soon';
  const still = [...host.childNodes], id = host.dataset.panel, el = document.createElement('div'), { signal } = new AbortController();
  const note = Object.assign(document.createElement('p'), { className: 'wb-alone', hidden: true });
  note.setAttribute('role', 'status');
  try {
    style(saved.panels[id].style);
    const { model, widget } = await alive(id, signal);
    host.replaceChildren(el, note);
    await widget.render({ model, el, signal, experimental: lone });
    const told = model.asked;
    model.asked = () => {
      told();
      note.textContent = 'This page has no kernel: it shows what was on show when the notebook was saved.';
      note.hidden = false;
    };
    host.dataset.drawn = 'yes';
  } catch (error) {
    host.replaceChildren(...still, note);
    note.textContent = `The panel could not be drawn: ${error.message}`;
    note.hidden = false;
    host.dataset.drawn = 'no';
  }
};

const hosts = [...document.querySelectorAll('.wb-panel[data-panel]')].filter(host => Object.hasOwn(saved.panels, host.dataset.panel));
const near = new IntersectionObserver(seen => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) { near.unobserve(target); draw(target); }
}, { rootMargin: '600px' });
for (const host of hosts) near.observe(host);
addEventListener('beforeprint', () => hosts.forEach(draw));
