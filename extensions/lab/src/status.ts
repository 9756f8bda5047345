/** The item of the status bar: how many models there are, and how far a run is. */

import type { IStatusBar } from '@jupyterlab/statusbar';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { element, setText } from './elements.ts';
import type { Listing } from './listing.ts';
import type { Settings } from './settings.ts';
import type { Watches } from './watches.ts';

class Item extends Widget {
  readonly shown = new Signal<this, void>(this);
  readonly #watches: Watches;
  readonly #button = element('button', 'wb-status');

  constructor(watches: Watches, open: () => unknown) {
    super();
    this.#watches = watches;
    this.#button.type = 'button';
    this.#button.title = 'Show the models of the kernel';
    this.#button.addEventListener('click', () => void open());
    this.node.append(this.#button);
  }

  get text(): string {
    return line(this.#watches.current?.listing ?? null);
  }

  draw(): void {
    setText(this.#button, this.text);
    this.shown.emit();
  }
}

/** Put the item into the status bar. */
export function addStatus(bar: IStatusBar, watches: Watches, settings: Settings, open: () => unknown): void {
  const item = new Item(watches, open);
  watches.changed.connect(() => item.draw());
  settings.changed.connect(() => item.draw());
  bar.registerStatusItem('neural-workbench:models', {
    item,
    align: 'left',
    rank: 50,
    isActive: () => settings.statusBar && item.text !== '',
    activeStateChanged: item.shown
  });
}

function line(listing: Listing | null): string {
  if (!listing?.torch) {
    return '';
  }
  const run = listing.runs.find(run => run.running);
  const count = listing.models.length + listing.more;
  const models = count === 1 ? '1 model' : `${count} models`;
  return run ? `${models}, training ${Math.floor((100 * run.step) / Math.max(1, run.total))} %` : models;
}
