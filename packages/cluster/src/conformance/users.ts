import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Scene } from './scene.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const ann = { username: 'hexabase:ann@example.test', groups: ['hexabase:ws-members', 'hexabase:ws-admins'] };
const stranger = { username: 'hexabase:eve@example.test', groups: ['hexabase:ws-members'] };

/** Users come with their own token, and the cluster itself decides by it. */
export function userGuarantees(scene: () => Scene): void {
  describe('a user', () => {
    it('is known to the cluster by name and groups', async () => {
      const id = await scene().readyTenant();
      await using door = await scene().doorOf(id, ann);
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const answer = await door.send({
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        body: review,
      });
      expect(answer.status).toBe(201);
      const { userInfo } = JSON.parse(answer.text).status;
      expect(userInfo.username).toBe(ann.username);
      expect(userInfo.groups).toEqual(expect.arrayContaining([...ann.groups, 'system:authenticated']));
      expect(userInfo.groups).not.toContain('system:masters');
    });

    it('may do what roles allow their groups, and nothing else', async () => {
      const id = await scene().readyTenant();
      await letEdit(scene(), id);
      await using mine = await scene().doorOf(id, ann);
      await using theirs = await scene().doorOf(id, stranger);
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' } };
      expect((await mine.send({ method: 'POST', path: configMaps, body })).status).toBe(201);
      expect((await mine.send({ path: '/api/v1/nodes' })).status).toBe(403);
      const refused = await theirs.send({ path: `${configMaps}/mine` });
      expect([refused.status, JSON.parse(refused.text).reason]).toEqual([403, 'Forbidden']);
    });

    it('without a good token is nobody', async () => {
      const id = await scene().readyTenant();
      await using door = await scene().doorOf(id, ann);
      for (const token of [null, 'x', 'dev_token_admin', `${'a'.repeat(40)}.b.c`]) {
        const { status } = await door.send({ path: configMaps, token });
        // vCluster takes who shows no token at all for `system:anonymous`, who may do nothing.
        expect([token, status]).toEqual([token, token === null && status === 403 ? 403 : 401]);
      }
    });

    it('sees changes as they happen, until the tenant is removed', async () => {
      const id = await scene().readyTenant();
      await letEdit(scene(), id);
      await using door = await scene().doorOf(id, ann);
      const watch = await door.open({ path: `${configMaps}?watch=true` });
      const lines = eventLines(watch);
      await scene().ask(id, 'POST', configMaps, { metadata: { name: 'seen' } });
      expect(await lines.until('"name":"seen"')).toContain('"type":"ADDED"');
      await scene().removeWhole(id, 10);
      await lines.ended;
    });

    it('makes namespaces known to who watches for them, and so does who deletes one', async ({ skip }) => {
      const { driver } = scene();
      if (!driver.watchNamespaces) return skip('the driver tells nothing of namespaces by itself');
      const id = await scene().readyTenant();
      await scene().ask(
        id,
        'POST',
        '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
        bindingOf('cluster-admin'),
      );
      await using door = await scene().doorOf(id, ann);
      const noticed = notices();
      using _watching = driver.watchNamespaces(noticed.add);
      await door.send({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'made' } } });
      expect(await noticed.next()).toBe(id);
      await door.send({ method: 'DELETE', path: '/api/v1/namespaces/made' });
      expect(await noticed.next()).toBe(id);
    });
  });
}

/** Waits for the event however late it comes; the test's own time limit ends it. */
function notices() {
  const seen: WorkspaceId[] = [];
  let wake: (() => void) | undefined;
  return {
    add(id: WorkspaceId) {
      seen.push(id);
      wake?.();
    },
    async next(): Promise<WorkspaceId | undefined> {
      if (seen.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return seen.shift();
    },
  };
}

/** What a stream has said so far, and its end however it comes. */
function eventLines(stream: IncomingMessage) {
  let said = '';
  const ended = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  stream.on('data', (chunk) => (said += String(chunk))).on('error', () => undefined);
  return {
    ended,
    until: (part: string) =>
      new Promise<string>((resolve) => {
        const look = () => said.includes(part) && resolve(said);
        stream.on('data', look);
        look();
      }),
  };
}

async function letEdit(scene: Scene, id: WorkspaceId): Promise<void> {
  const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
  expect((await scene.ask(id, 'POST', path, bindingOf('edit'))).status).toBe(201);
}

function bindingOf(role: string) {
  return {
    metadata: { name: `admins-${role}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'hexabase:ws-admins' }],
  };
}
