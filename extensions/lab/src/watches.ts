/** One watch for each open notebook, and the one in front. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Settings } from './settings.ts';
import { Watch, type Ended } from './watch.ts';

export class Watches {
  constructor(tracker: INotebookTracker, settings: Settings) {
    this.#tracker = tracker;
    this.#settings = settings;
    tracker.forEach(panel => this.#add(panel));
    tracker.widgetAdded.connect((_, panel) => this.#add(panel));
    tracker.currentChanged.connect(() => this.#follow());
    this.#follow();
  }

  /** Something is to be drawn anew. */
  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** A run of any open notebook has ended. */
  get ended(): ISignal<this, Ended> {
    return this.#ended;
  }

  /** The notebook in front. */
  get notebook(): NotebookPanel | null {
    return this.#tracker.currentWidget;
  }

  /** What is known of its kernel. */
  get current(): Watch | null {
    return (this.notebook && this.#watches.get(this.notebook)) ?? null;
  }

  #add(panel: NotebookPanel): void {
    if (this.#watches.has(panel)) {
      return;
    }
    const watch = new Watch(panel.sessionContext, this.#settings);
    this.#watches.set(panel, watch);
    watch.changed.connect(() => watch === this.current && this.#changed.emit());
    watch.ended.connect((_, ended) => this.#ended.emit(ended));
    panel.disposed.connect(() => {
      watch.dispose();
      this.#watches.delete(panel);
    });
  }

  #follow(): void {
    if (this.notebook) {
      this.#add(this.notebook);
    }
    const current = this.current;
    for (const watch of this.#watches.values()) {
      if (watch.active !== (watch === current)) {
        watch.active = watch === current;
      }
    }
    this.#changed.emit();
  }

  readonly #tracker: INotebookTracker;
  readonly #settings: Settings;
  readonly #watches = new Map<NotebookPanel, Watch>();
  readonly #changed = new Signal<this, void>(this);
  readonly #ended = new Signal<this, Ended>(this);
}
