/** Which names of a namespace may be written into a cell. */

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
