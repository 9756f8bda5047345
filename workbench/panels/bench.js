// The page of an app in steps: a tab a step, forms, lists, tables, code. What it shows comes as plain data.
const bounded = (v, low, high) => Math.max(low, Math.min(high, v));

// One field of a form. It is made once and then set, so that what is being typed or dragged is not disturbed.
const fieldOf = (parent, f, id, act) => {
  const { el, focusable } = kit, row = el('div', 'wb-field', parent), label = el('label', 'wb-mono', row, f.name);
  const inputs = [];
  const add = (tag, type, cls = '') => {
    const input = focusable(el(tag, cls, row));
    if (type) input.type = type;
    inputs.push(input);
    return input;
  };
  let set, slide = null;
  if (f.control === 'number') {
    const s = f.slider;
    const to = s && (s.log ? p => Math.exp(Math.log(s.low) + p / 1000 * Math.log(s.high / s.low)) : p => p);
    const from = s && (s.log ? v => 1000 * Math.log(Math.max(v, s.low) / s.low) / Math.log(s.high / s.low) : v => v);
    if (s) {
      slide = add('input', 'range');
      Object.assign(slide, s.log ? { min: 0, max: 1000, step: 1 } : { min: s.low, max: s.high, step: s.step });
      slide.setAttribute('aria-label', `${f.name}, slider`);
    }
    const number = add('input', 'number', s ? '' : 'wb-alone');
    Object.assign(number, { step: f.whole ? 1 : 'any', placeholder: f.optional ? 'recipe' : '' });
    if (f.low !== null) number.min = f.low;
    if (f.high !== null) number.max = f.high;
    number.addEventListener('input', () => {
      const v = number.value === '' ? null : +number.value;
      if (v !== null && slide) slide.value = from(v);
      act(v);
    });
    if (slide) slide.addEventListener('input', () => {
      const raw = to(+slide.value), v = f.whole ? Math.round(raw) : +raw.toPrecision(6);
      number.value = bounded(v, f.whole ? f.low : -Infinity, f.whole ? f.high : Infinity);
      slide.setAttribute('aria-valuetext', number.value);
      act(+number.value);
    });
    set = v => {
      if (document.activeElement !== number && inputs.every(i => i.getRootNode().activeElement !== number)) number.value = v ?? '';
      if (slide && slide.getRootNode().activeElement !== slide && v !== null && v !== undefined) { slide.value = from(v); slide.setAttribute('aria-valuetext', v); }
    };
    number.id = id;
  } else if (f.control === 'check') {
    const box = add('input', 'checkbox', 'wb-alone');
    box.addEventListener('change', () => act(box.checked));
    box.id = id;
    set = v => { box.checked = v; };
  } else {
    const pick = add(f.control === 'choice' ? 'select' : 'input', f.control === 'choice' ? '' : 'text', 'wb-alone');
    for (const choice of f.choices || []) el('option', '', pick, choice).value = choice;
    pick.addEventListener('change', () => act(pick.value));
    pick.id = id;
    set = v => { if (pick.getRootNode().activeElement !== pick) pick.value = v ?? ''; };
  }
  label.htmlFor = id;
  const help = el('small', '', row), wrong = el('small', 'wb-wrong', row);
  help.id = `${id}-help`;
  wrong.setAttribute('role', 'alert');
  for (const input of inputs) input.setAttribute('aria-describedby', help.id);
  return {
    set(now, error) {
      set(now.value);
      help.textContent = [now.help, now.range].filter(Boolean).join(' · ');
      wrong.textContent = error || '';
      wrong.hidden = !error;
      for (const input of inputs) input.setAttribute('aria-invalid', String(Boolean(error)));
    },
  };
};

let forms = 0;
const formIn = parent => {
  let key = '', made = new Map();
  const box = kit.el('div', '', parent);
  // act(name, value) is called when a person turns something.
  return (which, fields, errors, act) => {
    if (which !== key) {
      key = which;
      box.replaceChildren();
      forms += 1;
      made = new Map(fields.map(f => [f.name, fieldOf(box, f, `wb-form-${forms}-${f.name}`, v => act(f.name, v))]));
    }
    for (const f of fields) made.get(f.name).set(f, errors[f.name]);
  };
};

const table = (parent, head, rows) => {
  const { el } = kit, made = el('table', '', parent), top = el('tr', '', el('thead', '', made)), body = el('tbody', '', made);
  for (const name of head) el('th', '', top, name).scope = 'col';
  for (const row of rows) { const tr = el('tr', '', body); for (const cell of row) el('td', 'wb-num', tr, cell); }
  return made;
};

// A drawing, which as an image can neither run a script nor fetch anything.
const pictureIn = (parent, name) => {
  const { el, focusable } = kit, box = el('details', 'wb-drawing', parent);
  focusable(el('summary', '', box, name));
  const scroll = focusable(el('div', '', box), name), image = el('img', '', scroll);
  box.open = true;
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'region');
  image.alt = `${name} of the modules that the table lists`;
  return svg => {
    box.hidden = !svg;
    const at = scroll.scrollTop;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
    image.decode?.().then(() => { scroll.scrollTop = at; }, () => {});
  };
};

const select = (parent, name, act) => {
  const { el, focusable } = kit, label = el('label', '', parent, name), input = focusable(el('select', '', label), name);
  let had = '';
  input.addEventListener('change', () => act(input.value));
  return (options, value) => {
    const key = JSON.stringify(options);
    if (key !== had) {
      had = key;
      input.replaceChildren();
      for (const [of, text] of options) el('option', '', input, text).value = of;
    }
    input.value = value;
  };
};

export default {
  render({ model: given, el: root }) {
    const model = kit.tether(given, root);
    const { el, button, focusable } = kit;
    root.classList.add('wb', 'wb-bench');
    const head = el('div', 'wb-head', root);
    el('b', '', head, 'Workbench');
    const title = el('span', 'wb-dim wb-mono', head);
    el('span', 'wb-space', head);
    const status = el('span', 'wb-dim', head);
    status.setAttribute('role', 'status');
    const coding = button(head, 'Show code', () => {
      code.hidden = !code.hidden;
      coding.textContent = code.hidden ? 'Show code' : 'Hide code';
      coding.setAttribute('aria-expanded', String(!code.hidden));
    });
    coding.setAttribute('aria-expanded', 'false');
    const list = el('div', 'wb-tabs', root);
    list.setAttribute('role', 'tablist');
    const code = el('div', 'wb-code', root), lines = el('pre', '', code);
    button(code, 'Copy', () => navigator.clipboard?.writeText(lines.textContent));
    code.hidden = true;
    const body = el('div', 'wb-body', root), foot = el('div', 'wb-foot', root), says = el('div', '', body);
    body.setAttribute('role', 'tabpanel');

    // What was chosen, kept here while answers are under way, so that none of them takes back what was turned since.
    let choices = {}, step = 'build';
    let shown = {}, waits = false;
    const link = kit.wishes(model, late => { waits = late; tell(); });
    const tell = () => {
      status.textContent = waits ? 'computing … (a busy kernel answers when its cell has ended)' : shown.busy ? `${shown.busy} …` : shown.going ? 'training …' : '';
      status.classList.toggle('wb-wait', waits || Boolean(shown.busy));
    };
    const ask = (turned = '') => link.ask({ step, choices, turned });
    const act = what => { model.send({ type: 'wish', seq: Date.now(), wish: { do: what, step, choices } }); };
    const turn = (place, name, value) => {
      const { [name]: _, ...rest } = choices[place];
      choices = { ...choices, [place]: value === null ? rest : { ...rest, [name]: value } };
      ask(name);
    };
    const choose = changes => { choices = { ...choices, ...changes }; ask(); };

    // Pages, one a step, made when they are first shown.
    const pages = {
      build(box) {
        const three = el('div', 'wb-three', box), left = el('div', '', three), middle = el('div', '', three), right = el('div', '', three);
        const search = focusable(el('input', '', left), 'Search the architectures by words');
        search.type = 'search';
        search.addEventListener('input', () => choose({ search: search.value }));
        const entries = el('div', 'wb-entries', left), none = el('p', 'wb-dim', left);
        el('h4', '', middle, 'Config');
        const pick = el('div', 'wb-pick', middle);
        const task = select(pick, 'data', v => choose({ task: v }));
        const preset = select(pick, 'size', v => choose({ preset: v, values: {} }));
        const wrong = el('p', 'wb-error', middle), form = formIn(middle);
        el('h4', '', right, 'What you get');
        const layers = focusable(el('div', 'wb-layers', right), 'Layers'), note = el('p', 'wb-dim', right), drawing = pictureIn(right, 'Diagram');
        const paper = el('p', 'wb-about', right), name = el('b', '', paper), by = el('span', 'wb-dim', paper), about = el('p', 'wb-about wb-dim', right);
        layers.tabIndex = 0;
        layers.setAttribute('role', 'region');
        return m => {
          if (search.getRootNode().activeElement !== search) search.value = m.choices.search;
          search.placeholder = `search ${m.of}: “attention”, “2018” …`;
          none.textContent = m.entries.length ? '' : 'No entry has all these words.';
          const kept = entries.getRootNode().activeElement?.dataset?.entry;
          entries.replaceChildren();
          for (const e of m.entries) {
            const one = button(entries, '', () => choose({ entry: e.name, task: '', preset: '', values: {} }));
            el('b', '', one, e.name);
            one.title = `${e.family}: ${e.title}`;
            one.dataset.entry = e.name;
            one.setAttribute('aria-pressed', String(e.name === m.choices.entry));
            const badge = el('span', 'wb-badge', one, e.says);
            badge.dataset.badge = e.badge;
            badge.setAttribute('role', 'img');
            badge.setAttribute('aria-label', `claim ${e.badge}: ${e.says}`);
            if (e.name === kept) one.focus({ preventScroll: true });
          }
          task(m.tasks.map(t => [t, t]), m.choices.task);
          preset([['', 'default'], ['tiny', 'tiny'], ['paper', 'as published']], m.choices.preset);
          wrong.hidden = !(m.errors.task || m.errors['']);
          wrong.textContent = [m.errors.task, m.errors['']].filter(Boolean).join(' ');
          form(m.choices.entry, m.form, m.errors, (n, v) => turn('values', n, v));
          layers.classList.toggle('wb-old', !m.layers);
          if (m.layers) {
            layers.replaceChildren();
            const flops = v => (m.layers.flops === null ? '' : v ? kit.short(v) : '–');
            const rows = m.layers.layers.map(l => [`${'  '.repeat(l.depth)}${l.path.split('.').pop()} (${l.kind})`, l.output, l.parameters ? l.parameters.toLocaleString('en') : '–', flops(l.flops)]);
            const listed = table(layers, ['module', 'output', 'parameters', 'FLOPs'], [...rows, ['total', '', m.layers.parameters.toLocaleString('en'), flops(m.layers.flops)]]);
            // A name that is cut short is whole under the pointer.
            for (const { cells: [name] } of listed.tBodies[0].rows) name.title = name.textContent.trim();
            note.textContent = m.layers.note;
            drawing(m.layers.diagram);
          }
          name.textContent = m.paper.title;
          by.textContent = ` ${m.paper.by}`;
          about.textContent = m.about;
        };
      },
      train(box) {
        const row = el('div', 'wb-pick', box), narrow = el('div', 'wb-narrow', box);
        const source = select(row, 'model', v => choose({ source: v })), task = select(row, 'data', v => choose({ task: v }));
        const state = el('span', 'wb-dim', row), form = formIn(narrow);
        const go = button(box, 'Start training', () => act('train'));
        go.classList.add('wb-go');
        return m => {
          source([['', `${m.choices.entry} (built here)`], ...m.sources.map(s => [s, `${s} (notebook)`])], m.choices.source);
          task(m.tasks.map(t => [t, t]), m.choices.task);
          state.textContent = m.trained;
          form('training', m.form, m.errors, (n, v) => turn('training', n, v));
          go.disabled = m.going || Boolean(m.busy) || Object.keys(m.errors).length > 0;
        };
      },
      compress(box) {
        const row = el('div', 'wb-pick', box);
        const source = select(row, 'model', v => choose({ source: v })), task = select(row, 'data', v => choose({ task: v }));
        const state = el('span', 'wb-dim', row), narrow = el('div', 'wb-narrow', box), made = new Map();
        const go = button(box, 'Compress', () => act('compress')), report = el('div', 'wb-about', box);
        go.classList.add('wb-go');
        const make = p => {
          const one = el('div', 'wb-pass', narrow), on = kit.check(one, p.name, p.chosen, yes => {
            const { [p.name]: _, ...rest } = choices.passes;
            choose({ passes: yes ? { ...rest, [p.name]: {} } : rest });
          });
          el('div', 'wb-dim', one, p.help);
          return { on, form: formIn(one) };
        };
        return m => {
          source([['', `${m.choices.entry} (built here)`], ...m.sources.map(s => [s, `${s} (notebook)`])], m.choices.source);
          task(m.tasks.map(t => [t, t]), m.choices.task);
          state.textContent = m.trained;
          for (const p of m.offered) {
            if (!made.has(p.name)) made.set(p.name, make(p));
            const { on, form } = made.get(p.name);
            on.checked = p.chosen;
            form(String(p.chosen), p.chosen ? p.form : [], p.errors, (n, v) => {
              const { [n]: _, ...rest } = choices.passes[p.name] || {};
              choices = { ...choices, passes: { ...choices.passes, [p.name]: v === null ? rest : { ...rest, [n]: v } } };
              ask(n);
            });
          }
          go.disabled = m.going || Boolean(m.busy) || !m.offered.some(p => p.chosen) || m.offered.some(p => Object.keys(p.errors).length);
          report.replaceChildren();
          if (m.report) table(report, ['figure', 'before', 'after', 'change'], m.report);
        };
      },
      inspect(box) {
        const row = el('div', 'wb-pick', box);
        const source = select(row, 'model', v => choose({ source: v })), task = select(row, 'data', v => choose({ task: v }));
        const state = el('span', 'wb-dim', row), go = button(row, 'Inspect', () => act('inspect'));
        go.classList.add('wb-go');
        return m => {
          source([['', `${m.choices.entry} (built here)`], ...m.sources.map(s => [s, `${s} (notebook)`])], m.choices.source);
          task(m.tasks.map(t => [t, t]), m.choices.task);
          state.textContent = m.trained;
          go.disabled = Boolean(m.busy);
        };
      },
    };
    const tabs = new Map(), drawn = new Map();
    const mark = () => {
      for (const [name, tab] of tabs) {
        tab.setAttribute('aria-selected', String(name === step));
        tab.tabIndex = name === step ? 0 : -1;
      }
      for (const [name, { box }] of drawn) box.hidden = name !== step;
      body.setAttribute('aria-label', tabs.get(step)?.textContent || '');
      root.dataset.step = step;
    };
    const open = name => { step = name; mark(); ask(); };
    focusable(list).addEventListener('keydown', event => {
      const names = [...tabs.keys()], at = names.indexOf(step);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const name = names[(to + names.length) % names.length];
      tabs.get(name).focus();
      open(name);
    });

    const complain = frame => {
      says.replaceChildren();
      if (!frame.error) return;
      const box = el('div', 'wb-error', says, frame.error);
      box.setAttribute('role', 'alert');
      if (!frame.where) return;
      const more = el('details', '', box);
      focusable(el('summary', 'wb-dim', more, 'where it came from'));
      el('pre', 'wb-mono', more, frame.where);
    };
    const draw = first => {
      const frame = model.get('frame'), m = frame.meta;
      link.answered(frame.seq);
      complain(frame);
      if (!m) return;
      for (const [name, text] of m.steps) {
        if (tabs.has(name)) continue;
        const tab = button(list, text, () => open(name));
        tab.setAttribute('role', 'tab');
        tabs.set(name, tab);
      }
      // An answer to an older wish must not take back what was turned since.
      const settled = first || link.idle();
      if (first) step = m.step;
      shown = m;
      if (settled) choices = m.choices;
      if (m.step === step) {
        if (!drawn.has(step)) { const box = el('div', '', body); drawn.set(step, { box, page: pages[step](box) }); }
        if (settled) drawn.get(step).page(m);
        lines.textContent = frame.code || '';
        coding.disabled = !frame.code;
      }
      title.textContent = m.title;
      kit.marks(foot, frame.doubts, `${Math.round(frame.ms)} ms`);
      root.dataset.seq = frame.seq;
      mark();
      tell();
    };
    const onFrame = () => draw(false);
    model.on('change:frame', onFrame);
    draw(true);
    const untheme = kit.themed(root, () => {});
    return () => { model.off('change:frame', onFrame); link.end(); untheme(); };
  },
};
