import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a kubelet sets for the whole machine when it starts. */
const names = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

export function readKernelSettings(): Record<string, string> {
  return Object.fromEntries(
    names
      .filter((name) => existsSync(pathOf(name)))
      .map((name) => [name, readFileSync(pathOf(name), 'utf8').trim()]),
  );
}

export function restoreKernelSettings(settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (readFileSync(pathOf(name), 'utf8').trim() !== value) writeFileSync(pathOf(name), value);
  }
}

function pathOf(name: string): string {
  return join('/proc/sys', name);
}
