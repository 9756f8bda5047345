import assert from 'node:assert/strict';
import test from 'node:test';
import { isIdentifier, visible } from '../src/names.ts';

const NASTY = [
  '', ' ', 'a b', '1a', 'a.b', 'a-b', 'a;b', 'a\nb', 'a)b', "a'b", 'a"b', 'a#b', 'a=1', 'a,b', 'a\\b', 'a\u0000', 'a$',
  'class', 'lambda', 'None', '<b>', '<img src=x onerror=alert(1)>', '</script>', '&amp;', '{{x}}', '${x}', '`x`',
  '%run x', '!ls', '?x', '__import__("os")', '\u202eabc', '\u200b', 'a\u200bb', '\u2028', '\ufeffa', 'ﬁt', 'ｎｅｔ', '𝐚',
  '😀', 'a😀', '\ud800', '½', '²', 'x²', '٣x', '́a', 'a'.repeat(201), '()', '[]', '*', '**x', 'a:=1', 'e\u0301t'
];

test('a name that is not one identifier never becomes code', () => {
  assert.ok(NASTY.length >= 50);
  for (const name of NASTY) {
    assert.equal(isIdentifier(name), false, JSON.stringify(name));
  }
});

test('identifiers of any script are code', () => {
  for (const name of ['a', '_', '_x1', '__init__', 'été', 'модель', '模型', 'μ', 'match', 'self', 'a'.repeat(200)]) {
    assert.equal(isIdentifier(name), true, name);
  }
});

test('what cannot be seen is written out, and what can be seen stays', () => {
  assert.equal(visible('\u202egnp.exe'), '\\u202egnp.exe');
  assert.equal(visible('a\u200bb\nc\u{e0001}'), 'a\\u200bb\\u000ac\\u{e0001}');
  assert.equal(visible('<b>模型 été</b>'), '<b>模型 été</b>');
});
