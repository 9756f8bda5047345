import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { attachCode, definingCell, quoted } from '../src/code.ts';
import { layers, listing } from '../src/listing.ts';
import { isIdentifier, visible } from '../src/names.ts';
import { parseHeader } from '../src/safetensors.ts';

interface Listed {
  kind: string;
  text: string;
  times?: number;
}

const LISTED = JSON.parse(readFileSync(new URL('../../../tests/nasty.json', import.meta.url), 'utf8')) as Listed[];
const NASTY = LISTED.map(({ text, times = 1 }) => text.repeat(times));
/** Odd, and good Python: a variable may be called so. */
const GOOD = new Set(['__proto__', 'constructor', 'hasOwnProperty', 'CON']);

test('no string of the list becomes code that is not a name of Python', () => {
  assert.ok(NASTY.length >= 50);
  for (const name of NASTY) {
    const what = JSON.stringify(name).slice(0, 80);
    assert.equal(isIdentifier(name), GOOD.has(name), what);
    if (!GOOD.has(name)) {
      assert.throws(() => attachCode(name, '"digits"'), /identifier/, what);
      assert.equal(definingCell([{ code: true, text: `${name} = 1`, count: 1 }], name), -1, what);
    }
  }
});

test('as the name of a data set it is one literal on one line, which reads back the same', () => {
  for (const name of NASTY) {
    const code = attachCode('net', quoted(name));
    assert.deepEqual(code.split('\n').length, 2);
    assert.ok(code.startsWith('import workbench as wb\nwb.attach(net, "') && code.endsWith('")'));
    assert.equal(JSON.parse(code.slice('import workbench as wb\nwb.attach(net, '.length, -1)), name);
    assert.doesNotMatch(quoted(name).slice(1, -1).replace(/\\./gs, ''), /["\n\r]/);
  }
});

test('in an answer of the kernel it stays the text that it is', () => {
  const models = NASTY.map(name => ({ name, also: [name], kind: name, device: name, runs: [name], data: name, code: true }));
  const runs = NASTY.map(name => ({ id: name, kind: name, status: name }));
  const found = listing({ torch: true, models, runs });
  assert.deepEqual(found.models.map(model => [model.name, model.kind, model.device, model.data]), NASTY.map(t => [t, t, t, t]));
  assert.deepEqual(found.runs.map(run => [run.id, run.status, run.running]), NASTY.map(t => [t, t, false]));
  const rows = NASTY.map(name => [name, name, [1], name, 1]);
  assert.deepEqual(layers({ rows }).rows.map(row => row.name), NASTY);
  for (const name of NASTY) {
    assert.throws(() => listing({ error: name }), { message: name });
  }
});

test('as a tensor of a file it is listed, and makes no object of another kind', () => {
  for (const name of NASTY.filter(name => name !== '__proto__' && !/\p{Surrogate}/u.test(name))) {
    const table = { [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };
    const { tensors } = parseHeader(new TextEncoder().encode(JSON.stringify(table)));
    assert.deepEqual(tensors.map(tensor => tensor.name), [name]);
  }
  const proto = new TextEncoder().encode('{"__proto__": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}');
  assert.deepEqual(parseHeader(proto).tensors.map(tensor => tensor.name), ['__proto__']);
  assert.equal(({} as Record<string, unknown>).dtype, undefined);
});

test('nothing that turns or hides letters reaches the page unwritten', () => {
  for (const name of NASTY) {
    assert.doesNotMatch(visible(name), /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/u);
  }
});
