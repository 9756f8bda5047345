/** The sidebar: the live models of the notebook in front. */

import { Widget } from '@lumino/widgets';
import { button, element, setText } from './elements.ts';
import { ModelItem, RunItem, type Actions } from './item.ts';
import type { Listing } from './listing.ts';
import { visible } from './names.ts';
import type { Watches } from './watches.ts';

export class Sidebar extends Widget {
  constructor(watches: Watches, actions: Actions) {
    super();
    this.#watches = watches;
    this.#actions = actions;
    this.addClass('wb-Sidebar');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Workbench models');
    this.#note.setAttribute('role', 'status');
    const head = element('div', 'wb-head');
    const refresh = button('Refresh', 'List the models of the kernel anew', () => watches.current?.refresh());
    head.append(element('h2', 'wb-title', 'Models'), refresh);
    this.node.append(head, this.#note, this.#list, this.#loose);
    watches.changed.connect(this.#draw, this);
    this.#draw();
  }

  #draw(): void {
    const watch = this.#watches.current;
    const listing = watch?.listing ?? null;
    setText(this.#note, watch ? watch.note || sentence(listing) : 'Open a notebook to see its models.');
    this.node.dataset.took = watch ? watch.took.toFixed(0) : '';
    this.#drawModels(listing);
    this.#drawLooseRuns(listing);
  }

  #drawModels(listing: Listing | null): void {
    // Names differ, but what is shown of two overlong ones may not: the place tells them apart.
    const key = (index: number): string => `${index} ${listing?.models[index]?.name} ${listing?.models[index]?.code}`;
    const keys = new Set(listing?.models.map((_, index) => key(index)));
    for (const [known, item] of this.#items) {
      if (!keys.has(known)) {
        item.node.remove();
        this.#items.delete(known);
      }
    }
    listing?.models.forEach((model, index) => {
      let item = this.#items.get(key(index));
      if (!item) {
        item = new ModelItem(model, this.#actions);
        this.#items.set(key(index), item);
        this.#list.insertBefore(item.node, this.#list.children[index] ?? null);
      }
      item.update(model, listing.runs.filter(run => model.runs.includes(run.id)));
    });
  }

  /** Runs whose model no variable holds. */
  #drawLooseRuns(listing: Listing | null): void {
    const held = new Set(listing?.models.flatMap(model => model.runs));
    const loose = listing?.runs.filter(run => run.running && !held.has(run.id)) ?? [];
    for (const [id, item] of this.#runs) {
      if (!loose.some(run => run.id === id)) {
        item.node.remove();
        this.#runs.delete(id);
      }
    }
    for (const run of loose) {
      let item = this.#runs.get(run.id);
      if (!item) {
        item = new RunItem(run, `run of a ${visible(run.kind)}`, this.#actions);
        item.node.prepend(element('span', 'wb-name', visible(run.kind)));
        this.#runs.set(run.id, item);
        this.#loose.append(item.node);
      }
      item.update(run);
    }
    this.#loose.hidden = loose.length === 0;
  }

  readonly #watches: Watches;
  readonly #actions: Actions;
  readonly #note = element('p', 'wb-meta');
  readonly #list = element('ul', 'wb-list');
  readonly #loose = element('div', 'wb-loose');
  readonly #items = new Map<string, ModelItem>();
  readonly #runs = new Map<string, RunItem>();
}

function sentence(listing: Listing | null): string {
  if (!listing) {
    return 'Looking at the kernel.';
  }
  if (!listing.torch) {
    return 'torch is not imported in this kernel yet.';
  }
  if (listing.models.length === 0) {
    return 'No variable of this kernel holds a torch model yet.';
  }
  const more = listing.more > 0 ? `, and ${listing.more} that are not listed` : '';
  return `${listing.models.length} in this kernel${more}`;
}
