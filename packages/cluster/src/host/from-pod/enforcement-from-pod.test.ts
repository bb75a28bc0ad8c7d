import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decided, untilCutOff } from './enforcement-from-pod.ts';

/** What comes of it in the shell of this machine, without its pauses. */
function runs(command: string): string {
  const script = `sleep() { [ "$1" = 1 ] || command sleep "$1"; }; ${untilCutOff(command)}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' });
}

it('a pod that is cut off, at once, after a while or by silence, proves that policies are enforced', () => {
  const enforced = { status: 'True', reason: 'Tried', required: false };
  expect(decided(runs('false'))).toMatchObject(enforced);
  // `tried` counts how often it was asked.
  expect(decided(runs('[ $tried -lt 3 ]'))).toMatchObject(enforced);
  expect(decided(runs('exec tail -f /dev/null'))).toMatchObject(enforced);
}, 30_000);

it('a pod that goes on reaching us proves that they are not, though one try may fail by chance', () => {
  const ignored = { status: 'False', reason: 'NotEnforced', required: false };
  expect(decided(runs('true'))).toMatchObject(ignored);
  const folder = mkdtempSync(join(tmpdir(), 'hks-'));
  const everySecondFails = `[ -e ${folder}/x ] && rm ${folder}/x || { touch ${folder}/x; false; }`;
  expect(decided(runs(everySecondFails))).toMatchObject(ignored);
  rmSync(folder, { recursive: true });
});

it('whatever else it says proves nothing', () => {
  for (const said of ['', 'sh: wget: not found']) expect(decided(said)).toBeNull();
});
