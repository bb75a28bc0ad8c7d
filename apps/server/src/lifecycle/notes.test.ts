import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StartError } from './data-folder.ts';
import { forgetNote, keepNote, readNote } from './notes.ts';
import { choosePorts, rememberPorts } from './ports.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'hks-notes-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

it('what one start notes the next one reads, until it is forgotten', async () => {
  expect(readNote(dataDir, 'driver')).toBeUndefined();
  keepNote(dataDir, 'driver', 'local');
  expect(readNote(dataDir, 'driver')).toBe('local');
  forgetNote(dataDir, 'driver');
  expect(readNote(dataDir, 'driver')).toBeUndefined();
  rememberPorts(dataDir, { http: 1, https: 2 });
  expect(await choosePorts(dataDir, {}, '127.0.0.1')).toEqual({ http: 1, https: 2 });
});

it('a folder in the place of a note is told by its name', () => {
  mkdirSync(join(dataDir, 'driver'));
  expect(() => readNote(dataDir, 'driver')).toThrow(StartError);
  expect(() => readNote(dataDir, 'driver')).toThrow(`${join(dataDir, 'driver')}, where an earlier start`);
});

it.each(['{', '{"http": 1}', ''])('noted ports that are damaged are told by their file: %s', async (text) => {
  writeFileSync(join(dataDir, 'ports.json'), text);
  const asked = choosePorts(dataDir, {}, '127.0.0.1');
  await expect(asked).rejects.toThrow(StartError);
  await expect(asked).rejects.toThrow(
    `${join(dataDir, 'ports.json')}, where an earlier start noted its ports`,
  );
});

it('a folder in their place too', async () => {
  mkdirSync(join(dataDir, 'ports.json'));
  await expect(choosePorts(dataDir, {}, '127.0.0.1')).rejects.toThrow('is a folder');
});
