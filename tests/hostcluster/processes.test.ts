import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isAlive, killProcess, ownProcess } from './processes.ts';

describe.skipIf(process.platform !== 'linux')('processes of the cluster', () => {
  it('are ended by number only when it is still the same process', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = new Promise((done) => child.once('exit', (_, signal) => done(signal)));
    const pid = child.pid ?? 0;
    const another = { name: 'sleep', pid, startTicks: '1' };
    await killProcess(another);
    expect(isAlive(another)).toBe(false);
    expect(child.exitCode).toBeNull();
    // A process that we did not start ourselves is known by its number and start time as well.
    const { startTicks } = ownProcess();
    expect(isAlive({ name: 'test', pid: process.pid, startTicks })).toBe(true);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect(isAlive({ name: 'sleep', pid, startTicks })).toBe(false);
  });
});
