import { open, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { brandId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';
import * as z from 'zod';

const tenantRecord = z.object({
  uid: z.string(),
  slug: z.string(),
  generation: z.int(),
  identity: z.object({ issuer: z.string(), audience: z.string() }),
  size: z.object({ cpuMilli: z.number(), memoryMib: z.number(), storageGib: z.number() }),
  /** `removing`: nothing is started any more; what is left goes. */
  wanted: z.enum(['awake', 'asleep', 'removing']),
});

const tenantPorts = z.object({ api: z.int(), etcd: z.int(), etcdPeer: z.int() });

/** Where a tenant's programs listen, on the loopback address. */
export type TenantPorts = z.infer<typeof tenantPorts>;

/** What is remembered of a tenant beside its data; the file is there exactly as long as the tenant. */
export type TenantRecord = z.infer<typeof tenantRecord>;

/** Where things are in the folder of one tenant. */
export function tenantPaths(root: string, workspaceId: WorkspaceId) {
  if (!/^[\w-]+$/.test(workspaceId)) throw new Error('this is no id of a workspace');
  const folder = join(root, 'tenants', workspaceId);
  return {
    folder,
    record: join(folder, 'tenant.json'),
    data: join(folder, 'etcd'),
    pki: join(folder, 'pki'),
    logs: join(folder, 'logs'),
    run: join(folder, 'run'),
    ports: join(folder, 'ports.json'),
    /** Holds the generation whose nodes are in the cluster. */
    settled: join(folder, 'settled'),
    authentication: join(folder, 'authentication.json'),
    stages: join(folder, 'stages.yaml'),
    /** Apart from the tenant, because it outlives it. */
    fence: join(root, 'fences', workspaceId),
  };
}

export type TenantPaths = ReturnType<typeof tenantPaths>;

/** Null when there is no such tenant. Throws when the file cannot be understood. */
export async function readRecord(paths: TenantPaths): Promise<TenantRecord | null> {
  const text = await readIfThere(paths.record);
  return text === null ? null : tenantRecord.parse(JSON.parse(text));
}

export async function writeRecord(paths: TenantPaths, record: TenantRecord): Promise<void> {
  await writeAtomic(paths.record, JSON.stringify(record));
}

/** Null before the first start. */
export async function readPorts(paths: TenantPaths): Promise<TenantPorts | null> {
  const text = await readIfThere(paths.ports);
  return text === null ? null : tenantPorts.parse(JSON.parse(text));
}

/** Highest fence that ever changed this workspace; 0 before the first. */
export async function readFence(paths: TenantPaths): Promise<number> {
  return Number((await readIfThere(paths.fence)) ?? 0);
}

export async function writeFence(paths: TenantPaths, fence: number): Promise<void> {
  await writeAtomic(paths.fence, String(fence));
}

/** Workspaces that have a folder, also one whose making or removal was cut off. */
export async function tenantFolders(root: string): Promise<WorkspaceId[]> {
  const names = await readdir(join(root, 'tenants')).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return names.map((name) => brandId<'Workspace'>(name));
}

/** Writes nothing when the file says it already: whoever watches it need not look. */
export async function writeIfChanged(path: string, text: string): Promise<void> {
  if ((await readIfThere(path)) !== text) await writeAtomic(path, text);
}

/** A reader or a crash sees the old or the new file, never half. */
export async function writeAtomic(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.new`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, path);
}

export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}
