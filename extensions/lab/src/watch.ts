/** What is known of one kernel's models, kept up to date while it works. */

import type { ISessionContext } from '@jupyterlab/apputils';
import type { JSONObject } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';
import { ask, forget } from './kernel.ts';
import { layers, listing, Refusal, type Layer, type Listing, type Run } from './listing.ts';
import type { Settings } from './settings.ts';

/** A run that has ended. */
export interface Ended {
  run: Run;
  /** the variable of its model, or the model's class */
  name: string;
  /** for how long it was seen going on */
  seconds: number;
}

const SOON = 120;
const PATIENCE = 400;
const HIDDEN = 5;

export class Watch {
  /** the last listing; null before the first and after the kernel went */
  listing: Listing | null = null;
  /** a sentence about why there is none, or why it is old */
  note = '';
  /** milliseconds that the last answer took */
  took = 0;

  constructor(context: ISessionContext, settings: Settings) {
    this.#context = context;
    this.#settings = settings;
    context.statusChanged.connect(this.#onStatus, this);
    context.kernelChanged.connect(this.#onKernel, this);
    context.disposed.connect(() => this.dispose());
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get ended(): ISignal<this, Ended> {
    return this.#ended;
  }

  /** Whether a person looks at it: then it is refreshed whenever something has run. */
  get active(): boolean {
    return this.#active;
  }

  set active(value: boolean) {
    this.#active = value;
    if (value) {
      this.#schedule(0);
    }
  }

  dispose(): void {
    window.clearTimeout(this.#timer);
    this.#disposed = true;
    Signal.clearData(this);
  }

  /** List the models anew; never rejects, and asks once at a time. */
  refresh(): Promise<void> {
    this.#inFlight ??= this.#refresh().finally(() => {
      this.#inFlight = null;
      this.#goOn();
    });
    return this.#inFlight;
  }

  /** The layer table of a model. */
  async layers(name: string): Promise<{ rows: Layer[]; more: number }> {
    return layers(await this.#ask({ want: 'layers', name }));
  }

  /** Stop a run after its running step. */
  async stop(run: string): Promise<void> {
    await this.#ask({ want: 'stop', run });
    this.#schedule(SOON);
  }

  async #ask(wish: JSONObject): Promise<unknown> {
    const kernel = this.#context.session?.kernel;
    if (!kernel) {
      throw new Refusal('There is no kernel.');
    }
    return ask(kernel, wish);
  }

  async #refresh(): Promise<void> {
    const kernel = this.#context.session?.kernel;
    if (!kernel || kernel.status === 'dead') {
      this.#show(null, kernel ? 'The kernel has died: restart it.' : 'This notebook has no kernel.');
      return;
    }
    const waiting = window.setTimeout(() => {
      this.#show(this.listing, kernel.status === 'busy' ? 'Waiting for the running cell.' : 'Waiting for the kernel.');
    }, PATIENCE);
    const began = performance.now();
    try {
      const answer = listing(await this.#ask({ want: 'models' }));
      this.took = performance.now() - began;
      this.#compare(answer);
      this.#show(answer, '');
    } catch (error) {
      if (error instanceof Refusal) {
        this.#show(null, error.message);
      } else if (this.#context.session?.kernel === kernel) {
        this.#show(null, 'The kernel did not answer.');
      }
    } finally {
      window.clearTimeout(waiting);
    }
  }

  #show(found: Listing | null, note: string): void {
    if (this.#disposed) {
      return;
    }
    this.listing = found;
    this.note = note;
    this.#changed.emit();
  }

  /** Announce the runs that were going on and are not any more. */
  #compare(found: Listing): void {
    const now = Date.now();
    for (const run of this.listing?.runs.filter(run => run.running) ?? []) {
      const later = found.runs.find(other => other.id === run.id) ?? { ...run, running: false, status: 'over' };
      if (!later.running) {
        const since = this.#since.get(run.id) ?? now;
        this.#since.delete(run.id);
        this.#ended.emit({ run: later, name: this.#nameOf(run), seconds: (now - since) / 1000 });
      }
    }
    for (const run of found.runs.filter(run => run.running && !this.#since.has(run.id))) {
      this.#since.set(run.id, now);
    }
  }

  #nameOf(run: Run): string {
    return this.listing?.models.find(model => model.runs.includes(run.id))?.name ?? run.kind;
  }

  #onStatus(): void {
    const kernel = this.#context.session?.kernel;
    switch (kernel?.status) {
      case 'idle':
        return this.#schedule(SOON);
      case 'busy':
        return this.#goOn();
      case 'restarting':
      case 'autorestarting':
        forget(kernel.id);
        this.#since.clear();
        return this.#show(null, 'The kernel is restarting.');
      case 'dead':
        return this.#show(null, 'The kernel has died: restart it.');
      default:
    }
  }

  #onKernel(): void {
    this.#since.clear();
    this.#show(null, '');
    this.#schedule(SOON);
  }

  /** While a run goes on, or a cell in a kernel that can answer beside it, look again from time to time. */
  #goOn(): void {
    const kernel = this.#context.session?.kernel;
    const beside = kernel?.status === 'busy' && kernel.supportsSubshells;
    const running = kernel?.status !== 'dead' && this.listing?.runs.some(run => run.running);
    if (running || (this.#active && beside)) {
      this.#schedule(this.#settings.refreshSeconds * 1000 * (document.hidden ? HIDDEN : 1), true);
    }
  }

  #schedule(milliseconds: number, later = false): void {
    if (this.#disposed || (later && this.#due > Date.now())) {
      return;
    }
    window.clearTimeout(this.#timer);
    this.#due = Date.now() + milliseconds;
    this.#timer = window.setTimeout(() => {
      if (this.#active || this.listing?.runs.some(run => run.running)) {
        void this.refresh();
      }
    }, milliseconds);
  }

  readonly #context: ISessionContext;
  readonly #settings: Settings;
  readonly #changed = new Signal<this, void>(this);
  readonly #ended = new Signal<this, Ended>(this);
  readonly #since = new Map<string, number>();
  #active = false;
  #disposed = false;
  #due = 0;
  #inFlight: Promise<void> | null = null;
  #timer = 0;
}
