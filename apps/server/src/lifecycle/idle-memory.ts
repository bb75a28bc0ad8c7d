import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Less than this share of one core is rest. */
const restShare = 0.05;
/** So much processor time since the last collection may have left garbage worth a pause. */
const workMsMin = 1_000;

/**
 * Gives memory back once the process rests after work: V8 collects when something is allocated, so a process that
 * nobody asks any more would keep what it no longer uses. Call the answer now and then.
 */
export function createIdleCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  let collectedAtMs = busyMs();
  let last = { atMs: performance.now(), busyMs: busyMs() };
  return () => {
    const now = { atMs: performance.now(), busyMs: busyMs() };
    const resting = now.busyMs - last.busyMs < (now.atMs - last.atMs) * restShare;
    last = now;
    if (!resting || now.busyMs - collectedAtMs < workMsMin) return;
    collect();
    collectedAtMs = busyMs();
  };
}

function busyMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
