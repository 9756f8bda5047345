import assert from 'node:assert/strict';
import test from 'node:test';
import { amount, bytes, duration, shape } from '../src/amounts.ts';
import { points } from '../src/sparkline.ts';

test('amounts keep three figures', () => {
  assert.deepEqual([0, 7, 999, 1000, 23_800_000, 999_999, 7e9].map(amount), [
    '0', '7', '999', '1.00 k', '23.8 M', '1.00 M', '7.00 B'
  ]);
});

test('bytes, durations and shapes', () => {
  assert.deepEqual([0, 1023, 1024, 95_367_432].map(bytes), ['0 B', '1023 B', '1.0 KiB', '90.9 MiB']);
  assert.deepEqual([0.4, 59, 61, 4020].map(duration), ['0 s', '59 s', '1 min 01 s', '1 h 07 min']);
  assert.deepEqual([[], [3], [2, 12, 384]].map(shape), ['scalar', '3', '2 × 12 × 384']);
});

test('a sparkline fills its box, the largest value on top', () => {
  assert.equal(points([1, 3, 2], 10, 4), '0,4 5,0 10,2');
  assert.equal(points([5, 5], 10, 4), '0,4 10,4');
  assert.equal(points([5], 10, 4), '');
});
