/** Cards in the launcher that open a notebook from a template. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { ILauncher } from '@jupyterlab/launcher';
import { CATEGORY } from './commands.ts';
import { icon } from './icon.ts';
import { notebook, TEMPLATES, type Template } from './templates.ts';

const COMMAND = 'workbench:new-notebook';

/** Add the command, its cards and its palette entries. */
export function addTemplates(
  app: JupyterFrontEnd,
  launcher: ILauncher | null,
  browser: IDefaultFileBrowser | null,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(COMMAND, {
    label: args => (args.isPalette ? `New Notebook: ${chosen(args.template).label}` : chosen(args.template).label),
    caption: args => chosen(args.template).caption,
    icon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          template: { type: 'string', enum: TEMPLATES.map(template => template.id) },
          cwd: { type: 'string', description: 'The folder of the new notebook' },
          isPalette: { type: 'boolean' }
        }
      }
    },
    execute: async args => {
      const folder = typeof args.cwd === 'string' ? args.cwd : (browser?.model.path ?? '');
      const { contents } = app.serviceManager;
      const made = await contents.newUntitled({ path: folder, type: 'notebook' });
      const content = notebook(chosen(args.template));
      await contents.save(made.path, { type: 'notebook', format: 'json', content });
      return app.commands.execute('docmanager:open', { path: made.path });
    }
  });
  TEMPLATES.forEach(({ id }, rank) => {
    launcher?.add({ command: COMMAND, category: CATEGORY, rank, args: { template: id } });
    palette?.addItem({ command: COMMAND, category: CATEGORY, args: { template: id, isPalette: true } });
  });
}

function chosen(id: unknown): Template {
  return TEMPLATES.find(template => template.id === id) ?? TEMPLATES[0];
}
