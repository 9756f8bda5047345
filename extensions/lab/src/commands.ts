/** The commands, in the palette and on keys. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, Notification, type ICommandPalette } from '@jupyterlab/apputils';
import { attach, jump } from './cells.ts';
import { writable, type Actions } from './item.ts';
import { Refusal, type Model } from './listing.ts';
import { visible } from './names.ts';
import type { Settings } from './settings.ts';
import { openSummary } from './summary.ts';
import type { Watches } from './watches.ts';

export const CATEGORY = 'Workbench';
const NO_ARGUMENTS = { args: { type: 'object' as const, properties: {} } };

/** What buttons and commands do. */
export function makeActions(app: JupyterFrontEnd, watches: Watches, settings: Settings): Actions {
  return {
    attach: async model => {
      if (watches.notebook) {
        await attach(watches.notebook, model, settings.inputs);
      }
    },
    summary: async model => {
      if (watches.current) {
        await openSummary(app, watches.current, model.name);
      }
    },
    jump: async model => {
      if (watches.notebook && !(await jump(watches.notebook, model.name))) {
        Notification.info(`No cell of this notebook mentions ${model.name}.`, { autoClose: 4000 });
      }
    },
    stop: async run => {
      try {
        await watches.current?.stop(run.id);
      } catch (error) {
        Notification.error(error instanceof Refusal ? error.message : 'The kernel did not answer.');
      }
    }
  };
}

/** Add the commands of the sidebar. */
export function addCommands(
  app: JupyterFrontEnd,
  watches: Watches,
  actions: Actions,
  show: () => unknown,
  palette: ICommandPalette | null
): void {
  const add = (id: string, label: string, execute: () => unknown, isEnabled?: () => boolean): void => {
    const command = `workbench:${id}`;
    const options = { label, describedBy: NO_ARGUMENTS, execute: () => execute() };
    app.commands.addCommand(command, isEnabled ? { ...options, isEnabled } : options);
    palette?.addItem({ command, category: CATEGORY });
  };
  const some = (): boolean => (watches.current?.listing?.models.length ?? 0) > 0;
  const running = (): boolean => watches.current?.listing?.runs.some(run => run.running) ?? false;
  add('show-models', 'Show Models', show);
  add('refresh', 'Refresh Models', () => watches.current?.refresh());
  add('attach', 'Attach Inspector to Model…', () => withModel(watches, writable, actions.attach), some);
  add('summary', 'Show Layers of Model…', () => withModel(watches, () => true, actions.summary), some);
  add('jump', 'Go to Cell that Defines Model…', () => withModel(watches, writable, actions.jump), some);
  add(
    'stop',
    'Stop All Runs of this Kernel',
    () => Promise.all(watches.current?.listing?.runs.filter(run => run.running).map(actions.stop) ?? []),
    running
  );
}

/** Act on the model that the person chooses, or on the only one. */
async function withModel(
  watches: Watches,
  fits: (model: Model) => boolean,
  act: (model: Model) => unknown
): Promise<void> {
  const models = watches.current?.listing?.models.filter(fits) ?? [];
  const [only] = models;
  if (models.length < 2) {
    await (only && act(only));
    return;
  }
  const { value } = await InputDialog.getItem({ title: 'Which model?', items: models.map(model => visible(model.name)) });
  const chosen = models.find(model => visible(model.name) === value);
  await (chosen && act(chosen));
}
