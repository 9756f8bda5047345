/** The header of a .safetensors file: which tensors it holds. The tensors themselves are never read. */

import { Refusal } from './listing.ts';

/** One tensor of a file. */
export interface Tensor {
  name: string;
  type: string;
  shape: number[];
  bytes: number;
}

/** What a header says. */
export interface Header {
  tensors: Tensor[];
  metadata: [string, string][];
}

/** Bytes of a header that are read at most; the format's own library stops at 100 MB. */
export const LONGEST = 64 * 2 ** 20;

/** How many bytes the header has, from the first eight bytes of the file. */
export function headerLength(start: Uint8Array): number {
  if (start.length < 8) {
    throw new Refusal('This is no safetensors file: it has fewer than eight bytes.');
  }
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > LONGEST || length < 2) {
    throw new Refusal('This is no safetensors file: the length of its header makes no sense.');
  }
  return length;
}

/** The tensors in a header, in the order in which they lie in the file. */
export function parseHeader(bytes: Uint8Array): Header {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal('This is no safetensors file: its header is not JSON.');
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new Refusal('This is no safetensors file: its header is not a table.');
  }
  const entries = Object.entries(raw);
  const metadata = entries.find(([name]) => name === '__metadata__')?.[1] as Record<string, unknown> | undefined;
  const tensors = entries.filter(([name]) => name !== '__metadata__').map(([name, value]) => tensor(name, value));
  tensors.sort((a, b) => a.start - b.start);
  return {
    tensors: tensors.map(({ start: _, ...rest }) => rest),
    metadata: Object.entries(metadata ?? {}).map(([key, value]) => [key, String(value)])
  };
}

function tensor(name: string, value: unknown): Tensor & { start: number } {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const sizes = Array.isArray(shape) && shape.every(size => Number.isSafeInteger(size) && size >= 0);
  const ends = Array.isArray(offsets) && offsets.length === 2 && offsets.every(Number.isSafeInteger);
  if (typeof dtype !== 'string' || !sizes || !ends || offsets[1] < offsets[0]) {
    throw new Refusal('This is no safetensors file: its header does not describe its tensors.');
  }
  return { name, type: dtype, shape, bytes: offsets[1] - offsets[0], start: offsets[0] };
}

/** Opens a file up to this many bytes; a server that knows no ranges may give more. */
export type Open = (bytes: number) => Promise<ReadableStream<Uint8Array>>;

/** Bytes that are asked for first: enough for the header of most files. */
export const FIRST = 2 ** 16;

/** Read the header and no more: whatever else a server sends is cancelled, not kept. */
export async function readHeader(open: Open): Promise<Header> {
  const start = await firstBytes(await open(FIRST), FIRST);
  const end = 8 + headerLength(start);
  const bytes = end <= start.length || start.length < FIRST ? start : await firstBytes(await open(end), end);
  if (bytes.length < end) {
    throw new Refusal('This file ends before its header does.');
  }
  return parseHeader(bytes.subarray(8, end));
}

/** At most this many bytes from the beginning of a stream. */
async function firstBytes(body: ReadableStream<Uint8Array>, wanted: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const whole = new Uint8Array(wanted);
  let length = 0;
  try {
    while (length < wanted) {
      const { value, done } = await reader.read();
      if (done) {
        break;
      }
      whole.set(value.subarray(0, wanted - length), length);
      length += value.length;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
  return whole.subarray(0, Math.min(length, wanted));
}
