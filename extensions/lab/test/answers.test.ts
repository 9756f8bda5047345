import assert from 'node:assert/strict';
import test from 'node:test';
import { layers, listing } from '../src/listing.ts';
import { FIRST, headerLength, parseHeader, readHeader, type Open } from '../src/safetensors.ts';

test('an answer that is no listing becomes a sentence or an empty listing, never an exception elsewhere', () => {
  assert.throws(() => listing(null), /no answer/);
  assert.throws(() => listing({ error: 'Not now.' }), /Not now/);
  assert.deepEqual(listing({ models: 3, runs: 'x', more: NaN }), { torch: false, models: [], runs: [], more: 0 });
  const [model] = listing({ models: [{ name: 3, parameters: 'x', also: {}, code: 1 }] }).models;
  assert.deepEqual([model?.name, model?.parameters, model?.also, model?.code], ['', null, [], false]);
});

test('layers', () => {
  const answer = { rows: [['a.weight', 'Linear', [2, 3], 'float32', 6], []], more: 4 };
  const { rows, more } = layers(answer);
  assert.equal(more, 4);
  assert.deepEqual(rows[0], { name: 'a.weight', kind: 'Linear', shape: [2, 3], type: 'float32', numbers: 6 });
  assert.deepEqual(rows[1]?.shape, []);
});

const TABLE = {
  __metadata__: { format: 'pt' },
  later: { dtype: 'F16', shape: [], data_offsets: [24, 26] },
  '<b>': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] }
};

function file(table: unknown): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(table));
  const whole = new Uint8Array(8 + text.length + 100);
  new DataView(whole.buffer).setBigUint64(0, BigInt(text.length), true);
  whole.set(text, 8);
  return whole;
}

/** Serves a file in pieces; as a server that knows ranges, or one that always sends all. */
function server(whole: Uint8Array<ArrayBuffer>, piece: number, ranges: boolean): { open: Open; asked: number[] } {
  const asked: number[] = [];
  const open: Open = async length => {
    asked.push(length);
    const sent = ranges ? whole.subarray(0, length) : whole;
    let at = 0;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= sent.length) {
          controller.close();
        } else {
          controller.enqueue(sent.subarray(at, (at += piece)));
        }
      }
    });
  };
  return { open, asked };
}

for (const piece of [1, 7, 8, 100_000]) {
  for (const ranges of [true, false]) {
    test(`a header in pieces of ${piece} bytes, ${ranges ? 'with' : 'without'} ranges`, async () => {
      const { open, asked } = server(file(TABLE), piece, ranges);
      const header = await readHeader(open);
      assert.deepEqual(header.metadata, [['format', 'pt']]);
      assert.deepEqual(header.tensors, [
        { name: '<b>', type: 'F32', shape: [2, 3], bytes: 24 },
        { name: 'later', type: 'F16', shape: [], bytes: 2 }
      ]);
      assert.deepEqual(asked, [FIRST]);
    });
  }
}

test('a long header is asked for once more, and no byte beyond it', async () => {
  const layer = (i: number): [string, unknown] => [`layer.${i}`, { dtype: 'F32', shape: [1], data_offsets: [0, 4] }];
  const whole = file(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => layer(i))));
  const { open, asked } = server(whole, 1000, true);
  assert.equal((await readHeader(open)).tensors.length, 3000);
  assert.deepEqual(asked, [FIRST, whole.length - 100]);
});

test('what is no safetensors file is refused in a sentence', async () => {
  const bad = (table: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(table));
  assert.throws(() => headerLength(new Uint8Array(3)), /eight bytes/);
  assert.throws(() => headerLength(new Uint8Array(8).fill(255)), /makes no sense/);
  assert.throws(() => parseHeader(new Uint8Array([255, 255])), /JSON/);
  assert.throws(() => parseHeader(bad([1])), /table/);
  for (const broken of [null, {}, { dtype: 'F32', shape: [-1], data_offsets: [0, 1] }]) {
    assert.throws(() => parseHeader(bad({ x: broken })), /describe/);
  }
  assert.throws(() => parseHeader(bad({ x: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } })), /describe/);
  await assert.rejects(readHeader(server(file(TABLE).subarray(0, 20), 5, true).open), /ends before/);
});
