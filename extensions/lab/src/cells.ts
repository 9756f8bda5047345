/** What a click does in the notebook: visible cells, never anything hidden. */

import { InputDialog } from '@jupyterlab/apputils';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { attachCode, definingCell, quoted } from './code.ts';
import { writable } from './item.ts';
import type { Model } from './listing.ts';

/** What was typed for a model's inputs; offered again the next time. */
const typed = new Map<string, string>();

/**
 * Insert a cell that attaches the Inspector below the selected one, and run it. The inputs are the data that the model
 * was trained on, as far as the kernel knows it by name; else what the settings say; else what the person types.
 */
export async function attach(panel: NotebookPanel, model: Model, preset: string): Promise<void> {
  if (!writable(model)) {
    return;
  }
  const inputs = model.data ? quoted(model.data) : preset.trim() || (await askInputs(model.name));
  if (inputs === null) {
    return;
  }
  const notebook = panel.content;
  NotebookActions.insertBelow(notebook);
  notebook.activeCell?.model.sharedModel.setSource(attachCode(model.name, inputs));
  await NotebookActions.run(notebook, panel.sessionContext);
}

async function askInputs(name: string): Promise<string | null> {
  const { button, value } = await InputDialog.getText({
    title: `Attach to ${name}`,
    label: 'What the model is shown: the quoted name of a data set, or an expression',
    text: typed.get(name) ?? '',
    placeholder: '"digits"',
    okLabel: 'Attach',
    required: true
  });
  if (!button.accept || !value?.trim()) {
    return null;
  }
  typed.set(name, value);
  return value;
}

/** Select the cell that defines a model; whether there is one. */
export async function jump(panel: NotebookPanel, name: string): Promise<boolean> {
  const notebook = panel.content;
  const cells = notebook.widgets.map(cell => ({
    code: cell.model.type === 'code',
    text: cell.model.sharedModel.getSource(),
    count: (cell.model.sharedModel.toJSON().execution_count as number | null | undefined) ?? null
  }));
  const at = definingCell(cells, name);
  const cell = notebook.widgets[at];
  if (!cell) {
    return false;
  }
  notebook.activeCellIndex = at;
  notebook.deselectAll();
  await notebook.scrollToCell(cell, 'center');
  notebook.activate();
  return true;
}
