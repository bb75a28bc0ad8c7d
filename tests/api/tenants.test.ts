import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

type Owner = Person & { organizationId: string; organizationSlug: string };

let api: Api;
let ann: Owner;
let ben: Owner;
let workspaceOfAnn: string;
let operationOfAnn: string;
let projectOfAnn: string;
const secret = 'canary-4711';

beforeAll(async () => {
  api = await startApi();
  ann = await api.owner('ann');
  ben = await api.owner('ben');
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: secret, description: secret } });
  workspaceOfAnn = String(made.data['id']);
  operationOfAnn = String(made.data['operationId']);
  await api.activate(workspaceOfAnn);
  const project = await ann.call('POST', `/api/v1/workspaces/${workspaceOfAnn}/projects`, {
    body: { name: `p-${secret}` },
  });
  projectOfAnn = String(project.data['id']);
});
afterAll(() => api[Symbol.asyncDispose]());

describe('two tenants', () => {
  it('see nothing of each other in any list', async () => {
    for (const path of [
      '/api/v1/workspaces',
      '/api/v1/organizations',
      '/api/v1/operations',
      `/api/v1/organizations/${ben.organizationId}/members`,
      `/api/v1/organizations/${ben.organizationId}/audit`,
    ]) {
      const { status, text } = await ben.call('GET', path);
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toContain(secret);
      expect(text).not.toContain(ann.organizationId);
      expect(text).not.toContain(ann.email);
    }
    expect((await ben.call('GET', '/api/v1/workspaces')).meta.total).toBe(0);
    expect((await ben.call('GET', `/api/v1/operations?subject=workspace/${workspaceOfAnn}`)).meta.total).toBe(
      0,
    );
  });

  it('get the answer of the absent for what the other has, by id and by slug', async () => {
    const absent = await ben.call('GET', '/api/v1/workspaces/00000000-0000-7000-8000-000000000000');
    expect(absent.status).toBe(404);
    const paths = [
      `/api/v1/workspaces/${workspaceOfAnn}`,
      `/api/v1/workspaces/${secret}`,
      `/api/v1/workspaces/${workspaceOfAnn}/kubeconfig`,
      `/api/v1/workspaces/${workspaceOfAnn}/projects`,
      `/api/v1/workspaces/${workspaceOfAnn}/projects/${projectOfAnn}`,
      `/api/v1/organizations/${ann.organizationId}`,
      `/api/v1/organizations/${ann.organizationSlug}/audit`,
      `/api/v1/operations/${operationOfAnn}`,
      `/api/v1/workspaces?organization=${ann.organizationSlug}`,
    ];
    for (const path of paths) {
      const answer = await ben.call('GET', path);
      expect([path, answer.status, answer.error]).toEqual([path, 404, absent.error]);
    }
  });

  it('cannot reach the other’s project through a workspace of their own', async () => {
    const own = await ben.call('POST', '/api/v1/workspaces', { body: { name: 'Bens own' } });
    expect(
      (await ben.call('GET', `/api/v1/workspaces/${own.data['id']}/projects/${projectOfAnn}`)).status,
    ).toBe(404);
    expect(
      (await ben.call('DELETE', `/api/v1/workspaces/${own.data['id']}/projects/${projectOfAnn}`)).status,
    ).toBe(404);
    expect(
      (await ann.call('GET', `/api/v1/workspaces/${workspaceOfAnn}/projects/${projectOfAnn}`)).data['phase'],
    ).toBe('provisioning');
  });

  it('leave no trace of a try in the other’s audit log', async () => {
    await ben.call('DELETE', `/api/v1/workspaces/${workspaceOfAnn}`);
    const log = await ann.call('GET', `/api/v1/organizations/${ann.organizationId}/audit`);
    expect(log.text).not.toContain(ben.email);
    const kept = await api.query(
      `select outcome from audit_entries where actor_email = $1 and action = 'workspace.delete'`,
      [ben.email],
    );
    expect(kept).toEqual([{ outcome: 'denied' }]);
  });
});

describe('the second lock: a query that forgets its tenant', () => {
  const tables = [
    'organizations', 'memberships', 'workspaces', 'projects', 'groups', 'group_members',
    'operations', 'operation_events', 'audit_entries', 'idempotency_keys',
  ]; // prettier-ignore

  it.each(tables)('sees nothing of another tenant in %s', async (table) => {
    const scope = { userId: null, organizationIds: ['nobody'].map((id) => JSON.parse(JSON.stringify(id))) };
    const { rows } = await api.db.database.asTenant(scope, (tx) =>
      sql`select * from ${sql.table(table)}`.execute(tx),
    );
    expect(rows).toEqual([]);
  });

  it('has rows to see in those tables', async () => {
    for (const table of tables.filter((name) => !['operation_events', 'idempotency_keys'].includes(name))) {
      expect((await api.query(`select count(*)::int as n from ${table}`))[0]?.['n']).toBeGreaterThan(0);
    }
  });

  it('cannot write into another tenant either', async () => {
    const [row] = await api.query('select id from organizations where id = $1', [ben.organizationId]);
    expect(row).toBeDefined();
    const scope = { userId: null, organizationIds: [JSON.parse(JSON.stringify(ben.organizationId))] };
    const changed = await api.db.database.asTenant(scope, (tx) =>
      sql`update workspaces set name = 'taken over'`.execute(tx),
    );
    expect(await api.query(`select name from workspaces where id = $1`, [workspaceOfAnn])).toEqual([
      { name: secret },
    ]);
    expect(changed.numAffectedRows).toBe(
      BigInt(
        (await api.query('select id from workspaces where organization_id = $1', [ben.organizationId]))
          .length,
      ),
    );
    const insert = sql`insert into memberships (organization_id, user_id, role) values (${ann.organizationId}, ${ben.userId}, 'owner')`;
    await expect(api.db.database.asTenant(scope, (tx) => insert.execute(tx))).rejects.toThrow(
      /row-level security/,
    );
  });
});

describe('the event stream', () => {
  it('tells the caller’s changes as they are, nothing of others, and ends when the session ends', async () => {
    const cat = await api.owner('cat');
    const response = await fetch(`${api.baseUrl}/api/v1/events/stream`, {
      headers: { authorization: `Bearer ${cat.token}` },
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    await ann.call('PATCH', `/api/v1/workspaces/${workspaceOfAnn}`, {
      body: { description: `${secret} again` },
    });
    const made = await cat.call('POST', '/api/v1/workspaces', { body: { name: 'Streamed' } });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (wanted: (text: string) => boolean): Promise<void> => {
      while (!wanted(text)) {
        const next = await reader?.read();
        if (!next || next.done) throw new Error(`the stream ended: ${text}`);
        text += next.value;
      }
    };
    await readUntil((all) => all.includes(String(made.data['id'])));
    expect(text).toContain('event: workspace\n');
    expect(text).toContain('"phase":"provisioning"');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(workspaceOfAnn);
    await cat.call('POST', '/auth/logout');
    await api.query('select hexabase.revoke_user($1)', [cat.userId]);
    await expect(readUntil(() => false)).rejects.toThrow('the stream ended');
  });

  it('is not opened for somebody who is not signed in', async () => {
    expect((await api.call('GET', '/api/v1/events/stream')).status).toBe(401);
  });
});
