import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findLocalBinaries, LocalBinariesError } from './binaries.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hks-binaries-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, says: string, mode = 0o755): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${says}\n`);
  await chmod(join(folder, name), mode);
}

async function programs(version: string): Promise<void> {
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    await program(name, `echo Kubernetes ${version}`);
  await program('etcd', 'echo etcd Version: 3.6.1');
}

describe('a folder of binaries', () => {
  it('is used with what it has; kwok may be missing', async () => {
    await programs('v1.34.4');
    expect(await findLocalBinaries(folder)).toMatchObject({ kubernetesMinor: '1.34', kwok: null });
    await program('kwok', 'true');
    expect(await findLocalBinaries(folder)).toMatchObject({ kwok: join(folder, 'kwok') });
  });

  it('that lacks one names it, also one that may not be run', async () => {
    await programs('v1.34.4');
    await program('etcd', 'true', 0o644);
    await rm(join(folder, 'kube-scheduler'));
    await expect(findLocalBinaries(folder)).rejects.toThrow(/has no etcd, no kube-scheduler/);
  });

  it('that is too old, mixed, or for another machine is refused with a sentence', async () => {
    await programs('v1.33.9');
    await expect(findLocalBinaries(folder)).rejects.toThrow(/is Kubernetes 1\.33; 1\.34 or newer is needed/);
    await programs('v1.34.4');
    await program('kube-scheduler', 'echo Kubernetes v1.35.0');
    await expect(findLocalBinaries(folder)).rejects.toThrow(/different versions.*kube-scheduler 1\.35/);
    await programs('v1.34.4');
    await program('etcd', 'exit 126');
    const failed = findLocalBinaries(folder);
    await expect(failed).rejects.toBeInstanceOf(LocalBinariesError);
    await expect(failed).rejects.toThrow(/does not run on this machine/);
  });
});
