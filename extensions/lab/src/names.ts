/** Which names of a namespace may be written into a cell, and how all of them are shown. */

const KEYWORDS = new Set(
  ('False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield').split(' ')
);

const LONGEST = 200;

const IDENTIFIER = /^[\p{XID_Start}_][\p{XID_Continue}]*$/u;

/**
 * Whether a name, written as code, is one Python identifier and means this very variable. Python folds identifiers to
 * NFKC when it reads them, so a name in another form would mean another variable.
 */
export function isIdentifier(name: string): boolean {
  return (
    name.length <= LONGEST && IDENTIFIER.test(name) && !KEYWORDS.has(name) && name.normalize('NFKC') === name
  );
}

/** A name with the characters that cannot be seen, or that turn others around, written as escapes. */
export function visible(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
