// The live view of one run, or of several in one chart. New points arrive as messages and are appended here; the trait "frame" holds what a page
// that comes later (or a saved notebook) starts from.
const MOST = 1024;

// Points of one curve. When there are too many, neighbours are averaged, as the kernel does with its own copy.
class Curve {
  constructor() { this.x = []; this.y = []; }
  add(x, y) {
    this.x.push(...x);
    this.y.push(...y);
    while (this.x.length > MOST) {
      const half = a => Array.from({ length: Math.ceil(a.length / 2) }, (_, i) => (2 * i + 1 < a.length ? (a[2 * i] + a[2 * i + 1]) / 2 : a[2 * i]));
      this.x = half(this.x);
      this.y = half(this.y);
    }
  }
}

const clock = s => {
  if (s === null || s === undefined || !Number.isFinite(s)) return '–';
  const t = Math.round(s), h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60;
  return h ? `${h} h ${String(m).padStart(2, '0')} min` : m ? `${m} min ${String(t % 60).padStart(2, '0')} s` : `${s < 10 ? s.toFixed(1) : t} s`;
};

export default () => {
  // What has come so far, for every page part that shows this run.
  const store = { curves: new Map(), seen: 0, state: null, acts: new Set() };

  const initialize = ({ model }) => {
    const take = frame => {
      const whole = frame.from === 0;
      // A page that missed some points draws on, and asks for a summary; one comes by itself when the run has doubled.
      if (!whole && frame.curves && frame.from > store.seen) model.send({ type: 'wish', seq: Date.now(), wish: { whole: true } });
      if (whole) store.curves.clear();
      store.seen = frame.to ?? store.seen;
      for (const { run, name, x, y } of frame.curves || []) {
        const key = `${run} ${name}`;
        if (!store.curves.has(key)) store.curves.set(key, Object.assign(new Curve(), { run, name }));
        store.curves.get(key).add(kit.values(x), kit.values(y));
      }
      store.state = frame.state;
      for (const act of store.acts) act();
    };
    model.on('msg:custom', (message, buffers) => {
      if (message.type !== 'points') return;
      message.curves.forEach((c, i) => { c.x.data = buffers[2 * i]; c.y.data = buffers[2 * i + 1]; });
      take(message);
    });
    model.on('change:frame', () => take(model.get('frame')));
    take(model.get('frame'));
  };

  const render = ({ model: given, el: root }) => {
    const model = kit.tether(given, root);
    const { el, button, check } = kit;
    root.classList.add('wb', 'wb-live');
    const head = el('div', 'wb-head', root);
    el('b', '', head, model.get('title'));
    el('span', 'wb-dim wb-mono', head, model.get('subtitle'));
    el('span', 'wb-space', head);
    const status = el('span', 'wb-dim', head);
    status.setAttribute('role', 'status');
    const buttons = model.get('buttons');
    const act = (act, run) => model.send({ type: 'wish', seq: Date.now(), wish: { do: act, run } });
    // Pause and stop of one run; they are shown while it goes on.
    const controls = (parent, run, name = '') => {
      const pause = button(parent, 'Pause', () => act(pause.textContent.toLowerCase(), run)), stop = button(parent, 'Stop', () => { stop.disabled = true; act('stop', run); });
      return ({ status }) => {
        stop.hidden = pause.hidden = status !== 'running' && status !== 'paused';
        if (stop.hidden) stop.disabled = false;
        pause.textContent = status === 'paused' ? 'Resume' : 'Pause';
        if (name) for (const node of [pause, stop]) node.setAttribute('aria-label', `${node.textContent} ${name}`);
      };
    };
    const runs = () => store.state?.runs || [], several = () => runs().length > 1;
    const steer = buttons && controls(head, 0);
    const bar = el('i', '', el('div', 'wb-bar', root)), body = el('div', 'wb-body', root), foot = el('div', 'wb-foot', root);
    const key = el('div', 'wb-key', body), chart = el('div', 'wb-chart', body), canvas = el('canvas', '', chart), figures = el('div', 'wb-figures', body);
    const table = el('table', 'wb-runs', body);
    canvas.setAttribute('role', 'img');
    // Only losses are drawn until a person asks for more: other figures have other scales.
    const shown = new Map(), dropped = new Set(), isLoss = name => name.endsWith('loss');
    const names = () => [...new Set([...store.curves.values()].map(curve => curve.name))];
    const isShown = name => shown.get(name) ?? (isLoss(name) || !names().some(isLoss));
    let log = false, waiting = false;

    const style = name => getComputedStyle(root).getPropertyValue(name).trim();
    const inks = () => [1, 2, 3, 4, 5, 6].map(i => style(`--wb-line${i}`));
    // A colour for each curve of one run, or for each of several runs, which are numbered too, for eyes that see no
    // colours; what is measured on held-out examples is dashed.
    const look = (name, run) => {
      const all = inks(), at = several() ? run : names().sort((a, b) => isLoss(b) - isLoss(a)).indexOf(name);
      return { ink: all[at % all.length], dash: name.startsWith('validation') ? [6, 3] : [] };
    };

    let keyed = '';
    const drawKey = () => {
      const all = names(), now = [...all, ...runs().map(run => run.name)].join('|') + style('--wb-accent');
      if (now === keyed) return;
      keyed = now;
      key.replaceChildren();
      const entry = (parent, name, on, { ink, dash }, act) => {
        const input = check(parent, name, on, act), line = el('i');
        line.style.borderColor = ink;
        line.dataset.dash = dash.length ? 1 : 0;
        input.after(line);
      };
      if (several()) {
        const group = el('div', 'wb-key', key);
        runs().forEach(({ name }, i) => entry(group, `${i + 1} ${name}`, !dropped.has(i), look('', i), on => { dropped[on ? 'delete' : 'add'](i); draw(); }));
      }
      for (const name of all) entry(key, name, isShown(name), several() ? { ink: 'currentColor', dash: look(name, 0).dash } : look(name, 0), on => { shown.set(name, on); draw(); });
      el('span', 'wb-space', key);
      check(key, 'log', log, on => { log = on; draw(); });
    };

    const ticks = (low, high, count) => {
      const raw = (high - low) / count || 1, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(k => k * size).find(k => k >= raw);
      const found = [];
      for (let v = Math.ceil(low / step) * step; v <= high + 1e-12; v += step) found.push(v);
      return found;
    };
    const drawChart = () => {
      const wide = chart.clientWidth || 600, tall = 230, sharp = devicePixelRatio || 1;
      canvas.width = wide * sharp;
      canvas.height = tall * sharp;
      const c = canvas.getContext('2d');
      c.scale(sharp, sharp);
      c.font = `11px ${style('--wb-font') || 'sans-serif'}`;
      const drawn = [...store.curves.values()].filter(({ name, run, x }) => isShown(name) && !dropped.has(run) && x.length);
      const y = v => (log ? Math.log10(Math.max(v, 1e-12)) : v), xs = drawn.flatMap(k => [k.x[0], k.x[k.x.length - 1]]);
      const ys = drawn.flatMap(k => k.y.filter(v => Number.isFinite(v) && (!log || v > 0)).map(y));
      if (!ys.length) { c.fillStyle = style('--wb-dim'); c.fillText(store.curves.size ? 'nothing is chosen' : 'waiting for the first step …', 8, 20); return; }
      const x1 = Math.max(2, ...xs), x0 = Math.min(1, ...xs);
      let low = ys.reduce((a, b) => Math.min(a, b)), high = ys.reduce((a, b) => Math.max(a, b));
      if (high - low < 1e-12) { low -= 0.5; high += 0.5; }
      const pad = 0.05 * (high - low), L = 46, R = several() ? 20 : 8, T = 6, B = 20;
      low -= pad;
      high += pad;
      const px = v => L + (v - x0) / (x1 - x0) * (wide - L - R), py = v => T + (high - v) / (high - low) * (tall - T - B);
      c.strokeStyle = style('--wb-line');
      c.fillStyle = style('--wb-dim');
      c.textAlign = 'right';
      for (const v of ticks(low, high, 5)) {
        c.beginPath();
        c.moveTo(L, py(v));
        c.lineTo(wide - R, py(v));
        c.stroke();
        c.fillText(String(+(log ? 10 ** v : v).toPrecision(3)), L - 6, py(v) + 4);
      }
      c.textAlign = 'center';
      for (const v of ticks(x0, x1, Math.max(2, wide / 120))) if (Number.isInteger(v)) c.fillText(v.toLocaleString('en'), Math.min(px(v), wide - 24), tall - 6);
      const numbered = new Set();
      for (const curve of drawn) {
        const { ink, dash } = look(curve.name, curve.run);
        c.strokeStyle = c.fillStyle = ink;
        c.lineWidth = 1.6;
        c.setLineDash(dash);
        c.beginPath();
        let pen = false;
        curve.y.forEach((v, i) => {
          if (!Number.isFinite(v) || log && v <= 0) { pen = false; return; }
          c[pen ? 'lineTo' : 'moveTo'](px(curve.x[i]), py(y(v)));
          pen = true;
        });
        c.stroke();
        c.setLineDash([]);
        if (curve.x.length < 40) curve.y.forEach((v, i) => { if (Number.isFinite(v)) { c.beginPath(); c.arc(px(curve.x[i]), py(y(v)), 2, 0, 7); c.fill(); } });
        const end = curve.y.length - 1;
        if (several() && !numbered.has(curve.run) && numbered.add(curve.run) && Number.isFinite(curve.y[end])) c.fillText(curve.run + 1, Math.min(px(curve.x[end]) + 8, wide - 8), Math.max(12, py(y(curve.y[end])) + 4));
      }
      canvas.setAttribute('aria-label', `Curves over steps${log ? ', logarithmic' : ''}: ` + drawn.map(k => `${several() ? `${runs()[k.run].name} ` : ''}${k.name} ${k.y[k.y.length - 1].toPrecision(4)}`).join(', '));
    };

    const figure = (name, value) => { const box = el('div', '', figures); el('b', '', box, value); el('span', '', box, name); };
    // A row for each of several runs. Rows stay, so that a button is not replaced under a finger.
    const rows = [];
    const drawTable = () => {
      table.hidden = !several();
      if (table.hidden) return;
      if (!rows.length) {
        const top = el('tr', '', el('thead', '', table)), body = el('tbody', '', table);
        for (const name of ['run', 'status', 'step', 'loss', 'left', 'per second', '']) el('th', '', top, name).scope = 'col';
        runs().forEach((run, i) => {
          const tr = el('tr', '', body), cells = Array.from({ length: 7 }, (_, k) => el('td', k ? 'wb-num' : '', tr));
          cells[0].textContent = `${i + 1} ${run.name}`;
          cells[0].style.boxShadow = `inset 3px 0 var(--wb-line${i % 6 + 1})`;
          rows.push({ cells, steer: buttons && run.buttons ? controls(cells[6], i, run.name) : null });
        });
      }
      runs().forEach((run, i) => {
        const { cells, steer } = rows[i], loss = store.curves.get(`${i} loss`), going = run.status === 'running' || run.status === 'paused';
        const said = [run.status, run.step.toLocaleString('en') + (run.total ? ` / ${run.total.toLocaleString('en')}` : ''), loss?.y.length ? loss.y[loss.y.length - 1].toPrecision(4) : '–',
          going ? clock(run.left) : `took ${clock(run.seconds)}`, run.rate ? `${kit.short(run.rate)} steps` : '–'];
        said.forEach((text, k) => { cells[k + 1].textContent = text; });
        cells[0].parentNode.dataset.status = run.status;
        steer?.(run);
      });
    };
    const draw = () => {
      waiting = false;
      const s = store.state;
      drawKey();
      drawChart();
      if (!s) return;
      root.dataset.status = s.status;
      root.dataset.step = s.step;
      root.dataset.frames = +(root.dataset.frames || 0) + 1;
      drawTable();
      bar.parentNode.hidden = several();
      bar.style.width = `${s.total ? 100 * s.step / s.total : 0}%`;
      const going = runs().filter(run => run.status === 'running' || run.status === 'paused').length;
      status.textContent = several() ? (going ? `${going} of ${runs().length} going on` : 'all have ended') : s.status === 'running' && model.get('waits') ? 'running · interrupt the kernel to stop cleanly' : s.status;
      const live = s.status === 'running' || s.status === 'paused';
      if (buttons) steer(several() ? { status: '' } : s);
      figures.replaceChildren();
      if (several()) return kit.marks(foot, s.doubts, '');
      figure('step', `${s.step.toLocaleString('en')}${s.total ? ` / ${s.total.toLocaleString('en')}` : ''}`);
      for (const curve of store.curves.values()) if (curve.y.length && figures.childElementCount < 5) figure(curve.name, curve.y[curve.y.length - 1].toPrecision(4));
      figure(live ? 'left' : 'took', clock(live ? s.left : s.seconds));
      figure('per second', s.rate ? `${kit.short(s.rate)} steps` : '–');
      figure(s.memory_of, kit.short(s.memory, 'B'));
      kit.marks(foot, s.doubts, s.note);
    };
    const soon = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };
    store.acts.add(soon);
    const untheme = kit.themed(root, soon), size = new ResizeObserver(soon);
    size.observe(chart);
    return () => { store.acts.delete(soon); untheme(); size.disconnect(); };
  };

  return { initialize, render };
};
