import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import {
  FencedError,
  type ClusterDriver,
  type TenantRequest,
  type TenantResponse,
} from '@hexabase/cluster/port.ts';
import { refuseLost } from '@hexabase/cluster/tenant-lost.ts';
import { brandId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { Endpoint } from '@hexabase/postgres/connection.ts';
import { createPool } from '@hexabase/postgres/role-pool.ts';

/**
 * The smallest cluster that reconcilers can be tried on: it stores objects and knows uids, fences and nothing else of
 * Kubernetes. It lives in a schema of the test's database, so it survives the death of the process under test.
 */
export interface MemoryCluster extends AsyncDisposable {
  driver: ClusterDriver;
  /** As an operator's settings have it; null while there is nothing of the kind. */
  releases: { newest: string | null };
  /** Every change in order, for checks of what was written by whom. */
  writes(): Promise<ClusterWrite[]>;
  /** What a user of the workspace would do with kubectl; answers also while it sleeps. */
  kubectl(workspaceId: WorkspaceId, request: Omit<TenantRequest, 'signal'>): Promise<TenantResponse>;
}

export interface ClusterWrite {
  workspaceId: string;
  verb: string;
  path: string;
  fence: number | null;
}

const setUp = `
  create schema if not exists memory_cluster;
  create table if not exists memory_cluster.tenants (id text primary key, uid text not null, fence bigint not null, generation int not null,
    asleep boolean not null, version text not null, release text);
  create table if not exists memory_cluster.objects (
    tenant text not null references memory_cluster.tenants on delete cascade, path text not null, body jsonb not null, primary key (tenant, path));
  create table if not exists memory_cluster.writes (
    position bigint generated always as identity primary key, tenant text not null, verb text not null, path text not null, fence bigint)`;

/** Opens the cluster in the database of `admin`, made when it is absent. */
export async function memoryCluster(admin: Endpoint): Promise<MemoryCluster> {
  const limits = { max: 6, idleTimeoutMs: 1_000, statementTimeoutMs: 30_000 };
  const pool = createPool(admin, limits, silentLogger);
  // In one transaction under a lock: two processes may open the same cluster at once.
  await pool.query(`begin; select pg_advisory_xact_lock(7239005); ${setUp}; commit`);
  const listeners = new Set<(workspaceId: WorkspaceId) => void>();
  const releases: MemoryCluster['releases'] = { newest: null };
  return {
    driver: memoryDriver(pool, { listeners, releases }),
    releases,
    async writes() {
      const { rows } = await pool.query<ClusterWrite>(
        'select tenant as "workspaceId", verb, path, fence::float8 as fence from memory_cluster.writes order by position',
      );
      return rows;
    },
    async kubectl(workspaceId, request) {
      const answer = await serve(pool, workspaceId, request);
      if (request.method !== 'GET' && /^\/api\/v1\/namespaces(\/[^/]+)?$/.test(request.path)) {
        for (const changed of listeners) changed(workspaceId);
      }
      return answer;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

interface TenantRow {
  uid: string;
  generation: number;
  asleep: boolean;
  version: string;
  release: string | null;
}

const firstVersion = '1.34';
/** A minor version with which a tenant never becomes ready. */
export const brokenVersion = '1.36';
/** A release with which a tenant never becomes ready. */
export const brokenRelease = 'broken';

interface MemoryParts {
  listeners: Set<(workspaceId: WorkspaceId) => void>;
  releases: MemoryCluster['releases'];
}

function memoryDriver(pool: Pool, { listeners, releases }: MemoryParts): ClusterDriver {
  return {
    name: 'memory',
    async ensureTenant(spec) {
      refuseLost(spec.uid, await uidOf(pool, spec.workspaceId), 'Its rows');
      const { rows } = await pool.query(
        `with kept as (
           insert into memory_cluster.tenants as t (id, uid, fence, generation, asleep, version, release) values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (id) do update set fence = excluded.fence, generation = excluded.generation,
             asleep = excluded.asleep, version = excluded.version,
             release = coalesce($8, t.release, excluded.release) where t.fence <= excluded.fence
           returning 1)
         insert into memory_cluster.writes (tenant, verb, path, fence) select $1, 'ensure', '', $3::bigint from kept returning 1`,
        [
          spec.workspaceId,
          randomUUID(),
          spec.fence,
          spec.generation,
          spec.asleep,
          spec.kubernetesVersion ?? firstVersion,
          spec.release ?? spec.releaseIfNew ?? releases.newest,
          spec.release ?? null,
        ],
      );
      if (rows.length === 0) throw new FencedError(spec.workspaceId);
      for (const name of ['default', 'kube-system', 'kube-public'])
        await makeNamespace(pool, spec.workspaceId, name);
    },
    async observeTenant(workspaceId) {
      const { rows } = await pool.query<TenantRow>(
        'select uid, generation, asleep, version, release from memory_cluster.tenants where id = $1',
        [workspaceId],
      );
      const row = rows[0];
      return row
        ? {
            kind: 'present',
            uid: row.uid,
            generation: row.generation,
            ready: !row.asleep && row.version !== brokenVersion && row.release !== brokenRelease,
            asleep: row.asleep,
            kubernetesVersion: `v${row.version}.0`,
            release: row.release,
            conditions: [],
          }
        : { kind: 'absent' };
    },
    async removeTenant(workspaceId, fence) {
      const { rows } = await pool.query<{ fence: string }>(
        'select fence from memory_cluster.tenants where id = $1',
        [workspaceId],
      );
      if (rows[0] && Number(rows[0].fence) > fence) throw new FencedError(workspaceId);
      await pool.query(
        `with gone as (delete from memory_cluster.tenants where id = $1 returning 1)
         insert into memory_cluster.writes (tenant, verb, path, fence) select $1, 'remove', '', $2::bigint from gone`,
        [workspaceId, fence],
      );
      return { removed: rows[0] ? [{ kind: 'kubernetes-cluster', key: workspaceId }] : [], left: [] };
    },
    async listTenants() {
      const { rows } = await pool.query<{ id: string; uid: string }>(
        'select id, uid from memory_cluster.tenants',
      );
      return rows.map(({ id, uid }) => ({ workspaceId: brandId<'Workspace'>(id), uid }));
    },
    newestRelease: async () => releases.newest,
    copying: async () => ({ whileAsleep: false }),
    tenantClient: (workspaceId) => ({
      async request(request) {
        const { rowCount } = await pool.query('select from memory_cluster.tenants where id = $1 and asleep', [
          workspaceId,
        ]);
        if (rowCount === 1) return { status: 503, body: { message: 'the cluster sleeps' } };
        return serve(pool, workspaceId, request);
      },
    }),
    upstream: async () => {
      throw new Error('the memory cluster serves no users');
    },
    watchNamespaces(changed) {
      listeners.add(changed);
      return { [Symbol.dispose]: () => void listeners.delete(changed) };
    },
  };
}

async function uidOf(pool: Pool, tenant: string): Promise<string | null> {
  const known = await pool.query<TenantRow>('select uid from memory_cluster.tenants where id = $1', [tenant]);
  return known.rows[0]?.uid ?? null;
}

async function makeNamespace(pool: Pool, tenant: string, name: string): Promise<void> {
  await pool.query(
    'insert into memory_cluster.objects (tenant, path, body) values ($1, $2, $3) on conflict do nothing',
    [
      tenant,
      `/api/v1/namespaces/${name}`,
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, uid: randomUUID() } }),
    ],
  );
}

async function serve(
  pool: Pool,
  tenant: string,
  request: Omit<TenantRequest, 'signal'>,
): Promise<TenantResponse> {
  if ((await uidOf(pool, tenant)) === null) return { status: 404, body: { message: 'no such cluster' } };
  if (request.path === '/readyz' || request.path === '/version') return { status: 200, body: {} };
  // It has no revisions and no pages: whoever lists gets all that is there now.
  const path = request.path.replace(/\?.*/, '');
  const document = documents[path];
  if (document) return { status: 200, body: document };
  if (request.method === 'GET') return read(pool, tenant, path);
  const body = isObject(request.body) ? request.body : {};
  if (request.method === 'POST') return create(pool, { tenant, path, body });
  if (request.method === 'PUT') return replace(pool, { tenant, path: request.path, body });
  if (request.method === 'DELETE') return remove(pool, { tenant, path: request.path, body });
  return { status: 405, body: { message: 'not in the memory cluster' } };
}

const verbs = ['create', 'get', 'list'];

/** What it says that it serves: enough to be copied. */
const documents: Readonly<Record<string, object>> = {
  '/apis': { groups: [] },
  '/api/v1': {
    resources: [
      { name: 'namespaces', kind: 'Namespace', namespaced: false, verbs },
      { name: 'configmaps', kind: 'ConfigMap', namespaced: true, verbs },
    ],
  },
};

interface Change {
  tenant: string;
  path: string;
  body: Record<string, unknown>;
}

async function read(pool: Pool, tenant: string, path: string): Promise<TenantResponse> {
  const { rows } = await pool.query<{ path: string; body: unknown }>(
    `select path, body from memory_cluster.objects where tenant = $1 and (path = $2 or path ~ $3) order by path`,
    [tenant, path, path.replace(/^(.*)\/([a-z]+)$/, '^$1/(namespaces/[^/]+/)?$2/[^/]+$')],
  );
  const exact = rows.find((row) => row.path === path);
  if (exact) return { status: 200, body: exact.body };
  const isCollection =
    /\/(namespaces|configmaps|clusterroles|clusterrolebindings|roles|rolebindings|resourcequotas|limitranges|networkpolicies|pods|jobs)$/.test(
      path,
    );
  return isCollection
    ? { status: 200, body: { metadata: { resourceVersion: '1' }, items: rows.map((row) => row.body) } }
    : { status: 404, body: { message: 'not found' } };
}

async function create(pool: Pool, { tenant, path, body }: Change): Promise<TenantResponse> {
  const namespace = /^\/api(?:s\/[^/]+)?\/v1\/namespaces\/([^/]+)\//.exec(path)?.[1];
  const metadata = { ...(isObject(body.metadata) ? body.metadata : {}), uid: randomUUID(), namespace };
  const place = `${path}/${String('name' in metadata ? metadata.name : '')}`;
  if (
    namespace !== undefined &&
    (await read(pool, tenant, `/api/v1/namespaces/${namespace}`)).status === 404
  ) {
    return { status: 404, body: { message: 'no such namespace' } };
  }
  const { rowCount } = await pool.query(
    `with made as (insert into memory_cluster.objects (tenant, path, body) values ($1, $2, $3) on conflict do nothing returning 1)
     insert into memory_cluster.writes (tenant, verb, path) select $1, 'create', $2 from made`,
    [tenant, place, JSON.stringify({ ...body, metadata })],
  );
  return rowCount === 1
    ? { status: 201, body: { ...body, metadata } }
    : { status: 409, body: { reason: 'AlreadyExists', message: 'already exists' } };
}

async function replace(pool: Pool, { tenant, path, body }: Change): Promise<TenantResponse> {
  const { rowCount } = await pool.query(
    `with kept as (update memory_cluster.objects set body = $3 where tenant = $1 and path = $2 returning 1)
     insert into memory_cluster.writes (tenant, verb, path) select $1, 'replace', $2 from kept`,
    [tenant, path, JSON.stringify(body)],
  );
  return rowCount === 1 ? { status: 200, body } : { status: 404, body: { message: 'not found' } };
}

/** A namespace takes with it what is in it. */
async function remove(pool: Pool, { tenant, path, body }: Change): Promise<TenantResponse> {
  const uid =
    isObject(body.preconditions) && typeof body.preconditions.uid === 'string'
      ? body.preconditions.uid
      : null;
  const found = await read(pool, tenant, path);
  if (found.status === 404) return found;
  const { rowCount } = await pool.query(
    `with gone as (
       delete from memory_cluster.objects
       where tenant = $1 and (path = $2 or ($4 and path like '%/namespaces/' || $5 || '/%'))
         and exists (select from memory_cluster.objects where tenant = $1 and path = $2 and ($3::text is null or body #>> '{metadata,uid}' = $3))
       returning path)
     insert into memory_cluster.writes (tenant, verb, path) select $1, 'delete', path from gone`,
    [tenant, path, uid, /^\/api\/v1\/namespaces\/[^/]+$/.test(path), path.split('/').at(-1)],
  );
  return rowCount === 0
    ? { status: 409, body: { message: 'the uid does not match' } }
    : { status: 200, body: found.body };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
