/**
 * The saved widgets of a notebook that is not trusted are not started.
 *
 * Their state may hold scripts, and JupyterLab's widgets run them as soon as the notebook is opened, trusted or not.
 * Here the state is withheld from whoever asks the document for it; the document itself stays as it is.
 */

import { Notification } from '@jupyterlab/apputils';
import type { INotebookModel, INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

const KEY = 'widgets';
const SENTENCE =
  'This notebook is not trusted, so its saved panels and widgets were not started. Run its cells; or, if you know ' +
  'who wrote it, choose Trust Notebook in the command palette and open it again.';

/** Withhold the saved widgets of every notebook that is opened and not trusted. */
export function guardWidgets(tracker: INotebookTracker): void {
  tracker.forEach(guard);
  tracker.widgetAdded.connect((_, panel) => guard(panel));
}

function guard(panel: NotebookPanel): void {
  const { model } = panel.context;
  const read = model.getMetadata.bind(model);
  let told = false;
  model.getMetadata = key => {
    const found: unknown = read(key);
    if (key !== KEY || found === undefined || isTrusted(model)) {
      return found;
    }
    if (!told) {
      told = true;
      Notification.info(SENTENCE, { autoClose: 15_000 });
    }
    return undefined;
  };
}

/** Whether every code cell is; of a notebook without any nothing is known. */
function isTrusted(model: INotebookModel): boolean {
  const cells = [...model.cells].filter(cell => cell.type === 'code');
  return cells.length > 0 && cells.every(cell => cell.trusted);
}
