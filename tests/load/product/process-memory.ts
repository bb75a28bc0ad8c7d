import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessMemory {
  /** In MiB. Pages that the database's processes share count once. */
  totalMib: number;
  /** All of its resident pages, also those of the Node binary that other programs on this machine happen to share. */
  serverMib: number;
  databaseMib: number;
  processes: number;
}

/** The memory of a server and of all below it. Linux only (`smaps_rollup`, proc(5)); throws elsewhere. */
export function memoryOf(pid: number): ProcessMemory {
  const serverMib = field('Rss', pid);
  const below = descendants(pid);
  const databaseMib = below.reduce((sum, child) => sum + field('Pss', child), 0);
  return { totalMib: serverMib + databaseMib, serverMib, databaseMib, processes: below.length + 1 };
}

/** Proportional set size of a process and of all below it, in MiB: pages that they share count once. Linux only. */
export function pssMibOf(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => sum + field('Pss', one), 0);
}

/** The process that started this one (proc(5)). */
export function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/**
 * Processor time of a server and of all below it so far, in milliseconds (proc(5); a tick is 10 ms on Linux). Unlike a
 * latency it hardly depends on what else the machine does.
 */
export function cpuMsOf(pid: number): { serverMs: number; databaseMs: number } {
  return { serverMs: cpuMs(pid), databaseMs: descendants(pid).reduce((sum, child) => sum + cpuMs(child), 0) };
}

function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // Its own, and that of processes below it which have ended.
  return fields.slice(11, 15).reduce((ticks, field) => ticks + Number(field), 0) * 10;
}

function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(Number(name)) }));
  const below = (parent: number): number[] =>
    parents
      .filter((process) => process.parent === parent)
      .flatMap((process) => [process.pid, ...below(process.pid)]);
  return below(pid);
}

function field(name: 'Pss' | 'Rss', pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024;
}
