/** The layer table of a live model, beside the notebook. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { amount, shape } from './amounts.ts';
import { icon } from './icon.ts';
import { Refusal, type Layer } from './listing.ts';
import { visible } from './names.ts';
import { TableView, type Table } from './table.ts';
import type { Watch } from './watch.ts';

/** Open the table of a model; rejects never, it says in the table what went wrong. */
export async function openSummary(app: JupyterFrontEnd, watch: Watch, name: string): Promise<void> {
  const title = `Layers of ${visible(name)}`;
  const view = new TableView(title);
  const widget = new MainAreaWidget({ content: view });
  widget.title.label = title;
  widget.title.icon = icon;
  widget.title.closable = true;
  app.shell.add(widget, 'main', { mode: 'split-right' });
  try {
    const { rows, more } = await watch.layers(name);
    view.fill(table(rows, more));
  } catch (error) {
    view.say(error instanceof Refusal ? error.message : 'The kernel did not answer.');
  }
}

function table(rows: readonly Layer[], more: number): Table {
  const total = rows.reduce((sum, row) => sum + (row.numbers ?? 0), 0);
  const left = more > 0 ? ` · ${more} more are not listed` : '';
  return {
    summary: `${rows.length} tensors · ${amount(total)} numbers${left}`,
    columns: [
      { name: 'Tensor', numeric: false },
      { name: 'Layer', numeric: false },
      { name: 'Shape', numeric: true },
      { name: 'Type', numeric: false },
      { name: 'Numbers', numeric: true }
    ],
    rows: rows.map(row => [
      visible(row.name),
      visible(row.kind),
      row.numbers === null ? 'lazy' : shape(row.shape),
      row.type,
      row.numbers === null ? '' : row.numbers.toLocaleString('en')
    ])
  };
}
