import assert from 'node:assert/strict';
import test from 'node:test';
import { attachCode, definingCell, quoted, type Source } from '../src/code.ts';

const cells = (...texts: string[]): Source[] => texts.map((text, i) => ({ code: true, text, count: i + 1 }));

test('the cell names the model and what it is shown', () => {
  assert.equal(attachCode('net', ' "digits" '), 'import workbench as wb\nwb.attach(net, "digits")');
  assert.throws(() => attachCode('net); import os; (', '1'), /identifier/);
});

test('a quoted string cannot end early', () => {
  assert.equal(quoted('a"b\n\\'), '"a\\"b\\n\\\\"');
});

for (const line of [
  'net = 1', '  net = f(x)', 'net: nn.Module = 1', 'a, net = 1, 2', 'net, a = f()', '(net, a) = f()', 'net = other = 1',
  'with f() as net:', 'for net in nets:', 'if (net := f()):', 'from x import y as net', 'def net(): pass', 'x = net = 3'
]) {
  test(`defines: ${line}`, () => assert.equal(definingCell(cells('import torch', line, 'print(net)'), 'net'), 1));
}

for (const line of ['net == 1', 'f(net=1)', 'x.net = 1', 'network = 1', 'my_net = 1', 'net(x)', 'y = net(x)', 'net[0]']) {
  test(`does not define: ${line}`, () => {
    assert.equal(definingCell(cells('pass', line, 'net = 1'), 'net'), 2);
  });
}

test('of several, the one that ran last', () => {
  const found: Source[] = [
    { code: true, text: 'net = 1', count: 3 },
    { code: true, text: 'net = 2', count: 9 },
    { code: true, text: 'net = 3', count: null }
  ];
  assert.equal(definingCell(found, 'net'), 1);
});

test('text is no code, a mention is better than nothing, and a nasty name matches nothing', () => {
  const text: Source = { code: false, text: 'net = 1', count: null };
  assert.equal(definingCell([text, ...cells('show(net)')], 'net'), 1);
  assert.equal(definingCell(cells('aaa'), '.*'), -1);
  assert.equal(definingCell(cells('x'), 'net'), -1);
});
