import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isAlive, killProcess, ownProcess } from './processes.ts';

describe.skipIf(process.platform !== 'linux')('processes of the cluster', () => {
  it('are ended by number only when it is still the same process', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = new Promise((done) => child.once('exit', (_, signal) => done(signal)));
    const pid = child.pid ?? 0;
    const another = { name: 'sleep', pid, start: '1' };
    await killProcess(another);
    expect(isAlive(another)).toBe(false);
    expect(child.exitCode).toBeNull();
    expect(isAlive(ownProcess())).toBe(true);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect(isAlive({ ...ownProcess(), pid })).toBe(false);
  });
});
