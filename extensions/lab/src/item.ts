/** One model or run in the sidebar. Kept and updated in place, so that focus and a drag survive a refresh. */

import { amount, duration } from './amounts.ts';
import { button, curve, element, setText } from './elements.ts';
import type { Model, Run } from './listing.ts';
import { isIdentifier, visible } from './names.ts';
import { points } from './sparkline.ts';

/** What can be done with an item. */
export interface Actions {
  attach(model: Model): unknown;
  summary(model: Model): unknown;
  jump(model: Model): unknown;
  stop(run: Run): unknown;
}

const WIDTH = 96;
const HEIGHT = 22;

export class ModelItem {
  readonly node = element('li', 'wb-item');

  constructor(model: Model, actions: Actions) {
    this.#model = model;
    this.#actions = actions;
    const name = element('div', 'wb-name', visible(model.name) || '(no name)');
    this.node.append(name, this.#meta, this.#runs, this.#buttons());
    if (writable(model)) {
      this.#makeDraggable();
    }
  }

  update(model: Model, runs: readonly Run[]): void {
    this.#model = model;
    const size = model.parameters === null ? 'size unknown' : `${amount(model.parameters)} parameters`;
    const also = model.also.length > 0 ? `also ${model.also.map(visible).join(', ')}` : '';
    const busy = runs.some(run => run.running) ? 'training now' : model.training ? 'train' : 'eval';
    setText(this.#meta, [visible(model.kind), size, model.device, busy, also].filter(Boolean).join(' · '));
    this.node.classList.toggle('wb-mod-training', busy === 'training now');
    this.#reconcile(runs);
  }

  #reconcile(runs: readonly Run[]): void {
    for (const [id, item] of this.#items) {
      if (!runs.some(run => run.id === id)) {
        item.node.remove();
        this.#items.delete(id);
      }
    }
    for (const run of runs) {
      let item = this.#items.get(run.id);
      if (!item) {
        item = new RunItem(run, `run of ${visible(this.#model.name)}`, this.#actions);
        this.#items.set(run.id, item);
        this.#runs.append(item.node);
      }
      item.update(run);
    }
  }

  #buttons(): HTMLElement {
    const row = element('div', 'wb-row');
    const name = visible(this.#model.name);
    if (writable(this.#model)) {
      row.append(
        button('Attach', `Attach the Inspector to ${name} in a new cell`, () => this.#actions.attach(this.#model)),
        button('Layers', `Show the layers of ${name}`, () => this.#actions.summary(this.#model)),
        button('Go to cell', `Go to cell that defines ${name}`, () => this.#actions.jump(this.#model))
      );
    } else {
      row.append(
        button('Layers', `Show the layers of ${name}`, () => this.#actions.summary(this.#model)),
        element('span', 'wb-meta', 'no Python identifier: give it a name to attach')
      );
    }
    return row;
  }

  #makeDraggable(): void {
    this.node.draggable = true;
    this.node.classList.add('wb-mod-draggable');
    this.node.addEventListener('dragstart', event => {
      event.dataTransfer?.setData('text/plain', this.#model.name);
      event.dataTransfer?.setDragImage(this.node, 0, 0);
    });
  }

  #model: Model;
  readonly #actions: Actions;
  readonly #meta = element('div', 'wb-meta');
  readonly #runs = element('div', 'wb-runs');
  readonly #items = new Map<string, RunItem>();
}

/** A run: its curve, how far it is, and a button that stops it. */
export class RunItem {
  readonly node = element('div', 'wb-run');

  constructor(run: Run, label: string, actions: Actions) {
    this.#run = run;
    this.#stop = button('Stop', `Stop the ${label} after its running step`, () => {
      this.#stop.disabled = true;
      return actions.stop(this.#run);
    });
    this.node.append(this.#curve.node, this.#text, this.#stop);
  }

  update(run: Run): void {
    this.#run = run;
    const last = run.losses.at(-1);
    const loss = last === undefined ? '' : `loss ${last.toPrecision(3)}`;
    const left = run.running && run.eta !== null ? `${duration(run.eta)} left` : '';
    setText(this.#text, [run.status, `step ${run.step} of ${run.total}`, loss, left].filter(Boolean).join(' · '));
    this.#curve.draw(points(run.losses, WIDTH, HEIGHT));
    this.#stop.hidden = !run.running;
    if (!run.running) {
      this.#stop.disabled = false;
    }
  }

  #run: Run;
  readonly #curve = curve(WIDTH, HEIGHT);
  readonly #text = element('span', 'wb-meta');
  readonly #stop: HTMLButtonElement;
}

/** Whether a model's name may be written into a cell: the kernel and the page must both say so. */
export function writable(model: Model): boolean {
  return model.code && isIdentifier(model.name);
}
