import { silentLogger } from '@hexabase/kernel/log.ts';
import { expect, it } from 'vitest';
import { useNotes } from './use-notes.ts';

it('a workspace is written once a minute however often it is used, many in one go, and never for nothing', async () => {
  let now = 0;
  const written: string[][] = [];
  await using notes = useNotes({
    write: async (ids) => void written.push([...ids]),
    connected: () => [],
    clock: { now: () => now },
    log: silentLogger,
  });
  for (const id of ['a', 'b', 'a', 'a']) notes.used(id);
  await expect.poll(() => written, { timeout: 5_000 }).toEqual([['a', 'b']]);
  now = 59_999;
  notes.used('a');
  now = 60_000;
  notes.used('a');
  notes.used('a');
  await notes[Symbol.asyncDispose]();
  expect(written).toEqual([['a', 'b'], ['a']]);
});
