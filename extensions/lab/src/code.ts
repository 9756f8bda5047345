/** Code that is put into cells, and where a name is defined in cells. */

import { isIdentifier } from './names.ts';

/** A cell of a notebook, as far as it matters here. */
export interface Source {
  code: boolean;
  text: string;
  /** execution count; null for a cell that has not run */
  count: number | null;
}

/** The cell that attaches the Inspector to a model. Throws for a name that is no identifier. */
export function attachCode(name: string, inputs: string): string {
  if (!isIdentifier(name)) {
    throw new Error('The name of this model is not a Python identifier: give it one in a cell.');
  }
  return `import workbench as wb\nwb.attach(${name}, ${inputs.trim()})`;
}

/** Python source of a string: JSON's escapes are also Python's, once the surrogate pairs are put together. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/**
 * Index of the cell that defines a name: of those that assign it the one that ran last, else the first one; else the
 * first that mentions it; -1 where none does.
 */
export function definingCell(cells: readonly Source[], name: string): number {
  if (!isIdentifier(name)) {
    return -1;
  }
  const assigns = assignment(name);
  const found = cells.flatMap((cell, index) => (cell.code && assigns.test(cell.text) ? [index] : []));
  if (found.length > 0) {
    const ran = (index: number): number => cells[index]?.count ?? 0;
    return found.reduce((best, index) => (ran(index) > ran(best) ? index : best));
  }
  const mentions = new RegExp(`${BEFORE}${name}${AFTER}`, 'u');
  return cells.findIndex(cell => cell.code && mentions.test(cell.text));
}

const BEFORE = String.raw`(?<![\p{XID_Continue}.])`;
const AFTER = String.raw`(?![\p{XID_Continue}])`;

function assignment(name: string): RegExp {
  const word = `${BEFORE}${name}${AFTER}`;
  const targets = String.raw`(?:[^\n=#'"()]*,\s*)?[(*]?\s*${word}[^\n=#'"()]*?(?::[^\n=]+)?=(?!=)`;
  const binds = [
    String.raw`^[ \t]*${targets}`,
    String.raw`${word}\s*:=`,
    String.raw`\bas\s+${word}`,
    String.raw`\bfor\s+[^\n]*${word}[^\n]*\bin\b`,
    String.raw`^[ \t]*(?:class|def)\s+${word}`
  ];
  return new RegExp(binds.join('|'), 'mu');
}
