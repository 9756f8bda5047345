/** A table of layers with a filter; of a live model, or of a file. */

import { Widget } from '@lumino/widgets';
import { element, setText } from './elements.ts';

/** What a table shows: cells are text, right-aligned where they are numbers. */
export interface Table {
  summary: string;
  columns: readonly { name: string; numeric: boolean }[];
  rows: readonly (readonly string[])[];
}

const MOST = 5000;

export class TableView extends Widget {
  constructor(label: string) {
    super();
    this.addClass('wb-Table');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', label);
    this.#note.setAttribute('role', 'status');
    this.#filter.type = 'search';
    this.#filter.placeholder = 'Filter by name';
    this.#filter.setAttribute('aria-label', 'Filter by name');
    this.#filter.addEventListener('input', () => this.#drawRows());
    this.node.append(this.#note, this.#filter, this.#table);
    this.say('Reading.');
  }

  /** A sentence instead of a table. */
  say(sentence: string): void {
    setText(this.#note, sentence);
    this.#filter.hidden = this.#table.hidden = true;
  }

  fill(table: Table): void {
    this.#content = table;
    this.#filter.hidden = this.#table.hidden = false;
    const head = element('tr', '');
    for (const { name, numeric } of table.columns) {
      const cell = element('th', numeric ? 'wb-mod-number' : '', name);
      cell.scope = 'col';
      head.append(cell);
    }
    const top = element('thead', '');
    top.append(head);
    this.#table.replaceChildren(top, this.#body);
    this.#drawRows();
  }

  #drawRows(): void {
    const { columns = [], rows = [], summary = '' } = this.#content ?? {};
    const wanted = this.#filter.value.toLowerCase();
    const kept = rows.filter(row => row[0]?.toLowerCase().includes(wanted));
    const drawn = kept.slice(0, MOST).map(row => {
      const line = element('tr', '');
      line.append(...row.map((text, at) => element('td', columns[at]?.numeric ? 'wb-mod-number' : '', text)));
      return line;
    });
    this.#body.replaceChildren(...drawn);
    const some = wanted ? ` · ${kept.length} match` : '';
    const cut = kept.length > MOST ? ` · the first ${MOST} are shown, the filter finds the others` : '';
    setText(this.#note, summary + some + cut);
  }

  readonly #note = element('p', 'wb-meta');
  readonly #filter = element('input', 'wb-filter');
  readonly #table = element('table', 'wb-layers');
  readonly #body = element('tbody', '');
  #content: Table | null = null;
}
