import { parse, YAMLParseError } from 'yaml';

/**
 * What a YAML text says that may hold secrets. Nothing of the text is repeated: neither in what is thrown, an Error `is not
 * valid YAML at line 2, column 5`, nor in warnings, which the parser would write into the log of the process by itself.
 */
export function parseYamlWithSecrets(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    const [at] = (error instanceof YAMLParseError && error.linePos) || [];
    // The parser's own error shows what stands there: it is no cause of this one either.
    throw new Error(`is not valid YAML${at ? ` at line ${at.line}, column ${at.col}` : ''}`);
  }
}
