import { expect, it, vi } from 'vitest';
import { parseYamlWithSecrets } from './yaml-with-secrets.ts';

it.each([
  ['a tag that nobody knows', 'token: !s3cret x'],
  ['a directive', '%s3cret x\n---\na: 1'],
  ['a key that is a list', '? [s3cret]\n: 1'],
  ['a key in braces', '{{ s3cret }}: 1'],
  ['an escape that there is not', 'token: "\\qs3cret"'],
  ['a broken line', 'token: s3cret: x'],
  ['an alias of nothing', 'token: *s3cret'],
])('neither an error nor a warning of the process shows %s', (_what, text) => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  let said: unknown = '';
  try {
    parseYamlWithSecrets(text);
  } catch (error) {
    said = error;
  }
  expect(String(said)).toMatch(/^(|Error: is not valid YAML( at line \d+, column \d+)?)$/);
  expect(said instanceof Error && said.cause).toBeFalsy();
  expect(warned).not.toHaveBeenCalled();
  warned.mockRestore();
});

it('reads what is valid', () => {
  expect(parseYamlWithSecrets('a: [1, x]')).toEqual({ a: [1, 'x'] });
});
