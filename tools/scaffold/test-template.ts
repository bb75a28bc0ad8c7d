import type { Names } from './names.ts';

/** `tests/api/<plural>.test.ts`: the whole life over HTTP, and a second organization that sees none of it. */
export function testTemplate({ noun, plural }: Names): string {
  return `import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

let api: Api;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

describe('${plural}', () => {
  it('are made, shown, listed, changed and deleted by an owner', async () => {
    const owner = await api.owner('owner');
    const path = \`/api/v1/organizations/\${owner.organizationId}/${plural}\`;
    const made = await owner.call('POST', path, { body: { name: 'my-${noun}' } });
    expect(made.status, made.text).toBe(201);
    expect((await owner.call('POST', path, { body: { name: 'my-${noun}' } })).error.code).toBe('already_exists');
    expect((await owner.call('GET', path)).meta.total).toBe(1);
    const changed = await owner.call('PATCH', \`\${path}/my-${noun}\`, { body: { description: 'changed' } });
    expect(changed.data).toMatchObject({ id: made.data['id'], description: 'changed' });
    expect((await owner.call('DELETE', \`\${path}/my-${noun}\`)).status).toBe(204);
    expect((await owner.call('GET', \`\${path}/my-${noun}\`)).status).toBe(404);
  });

  it('of one organization are invisible to another, and viewers only read', async () => {
    const ours = await api.owner('ours');
    const theirs = await api.owner('theirs');
    const viewer = await api.person('viewer');
    await api.join(ours.organizationId, viewer, 'viewer');
    const path = \`/api/v1/organizations/\${ours.organizationId}/${plural}\`;
    await ours.call('POST', path, { body: { name: 'secret' } });
    expect((await viewer.call('GET', \`\${path}/secret\`)).status).toBe(200);
    expect((await viewer.call('DELETE', \`\${path}/secret\`)).status).toBe(403);
    expect((await theirs.call('GET', \`\${path}/secret\`)).status).toBe(404);
    const elsewhere = \`/api/v1/organizations/\${theirs.organizationId}/${plural}\`;
    expect((await theirs.call('GET', \`\${elsewhere}/secret\`)).status).toBe(404);
    expect((await theirs.call('GET', elsewhere)).list).toEqual([]);
  });
});
`;
}
