// The timeline of a followed run: a slider back through the frames that were kept, and a button to the newest.
export default (kit, host, model, page) => {
  const { el, button, focusable } = kit;
  const bar = el('div', 'wb-timeline', host);
  const live = button(bar, 'Live', () => page.live(), 'Back to the newest weights');
  const slider = focusable(el('input', '', bar), 'Step of the run');
  Object.assign(slider, { type: 'range', min: 0, step: 1 });
  const said = el('output', 'wb-mono wb-num', bar);
  // What is looked at: [number, tab, step, loss]; null while the newest is.
  let at = null, asked = 0, timer = 0;
  const list = () => model.get('moments').filter(([, tab]) => tab === page.tab());
  const tell = (step, loss) => `step ${step.toLocaleString('en')}${loss && ` · loss ${loss}`}`;

  const place = () => {
    const all = list(), last = all.length - 1;
    bar.hidden = !all.length;
    slider.max = Math.max(0, last);
    slider.disabled = last < 1;
    const next = at ? all.findIndex(([, , step]) => step >= at[2]) : -1;
    slider.value = next < 0 ? last : next;
    live.setAttribute('aria-pressed', String(!at));
    if (!at && all.length) say(all[last]);
  };
  const say = ([, , step, loss]) => { said.textContent = tell(step, loss); slider.setAttribute('aria-valuetext', said.textContent); };
  // Busy until the frame that was asked for is the one on show.
  const wait = on => bar.setAttribute('aria-busy', String(on));
  const draw = frame => {
    clearTimeout(timer);
    say([0, 0, frame.step, frame.loss]);
    bar.dataset.step = frame.step;
    wait(frame.number !== at[0]);
    page.draw(frame);
  };
  const ask = () => {
    asked = at[0];
    model.send({ type: 'wish', seq: Date.now(), wish: { moment: asked } });
  };
  // Frames in the page are drawn at once; the kernel has the others. Where it is busy or gone, the nearest one stands in.
  const show = () => {
    const kept = model.get('kept'), here = kept.find(frame => frame.number === at[0]);
    if (here) return draw(here);
    say(at);
    wait(true);
    if (!asked) ask();
    clearTimeout(timer);
    timer = setTimeout(() => {
      asked = 0;
      const near = at && kept.filter(f => f.wish.tab === at[1]).sort((a, b) => Math.abs(a.step - at[2]) - Math.abs(b.step - at[2]))[0];
      if (near) draw(near);
    }, 900);
  };
  slider.addEventListener('input', () => {
    at = list()[+slider.value];
    if (!at) return;
    page.hold();
    live.setAttribute('aria-pressed', 'false');
    show();
  });
  const come = () => {
    const frame = model.get('past');
    if (frame.number === asked) asked = 0;
    if (!at) return;
    if (frame.number === at[0]) draw(frame); else if (!asked) show();
  };
  model.on('change:moments', place);
  model.on('change:past', come);
  place();
  return {
    tab: place,
    release() { at = null; asked = 0; clearTimeout(timer); wait(false); delete bar.dataset.step; place(); },
    end() { clearTimeout(timer); model.off('change:moments', place); model.off('change:past', come); },
  };
};
