/** Says when a long run has ended. */

import { Notification } from '@jupyterlab/apputils';
import { duration } from './amounts.ts';
import { visible } from './names.ts';
import type { Settings } from './settings.ts';
import type { Watches } from './watches.ts';
import type { Ended } from './watch.ts';

const KINDS: Readonly<Record<string, Notification.TypeOptions>> = { done: 'success', failed: 'error' };

/** Announce runs that were seen going on for as long as the settings say. */
export function announce(watches: Watches, settings: Settings): void {
  watches.ended.connect((_, ended) => {
    if (ended.seconds >= settings.notifySeconds) {
      Notification.emit(message(ended), KINDS[ended.run.status] ?? 'info', { autoClose: false });
    }
  });
}

function message({ run, name, seconds }: Ended): string {
  const last = run.losses.at(-1);
  const loss = last === undefined ? '' : `, loss ${last.toPrecision(3)}`;
  return `The run of ${visible(name).slice(0, 60)} is ${run.status} after ${duration(seconds)}: step ${run.step}${loss}.`;
}
