import { setTimeout as sleep } from 'node:timers/promises';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { expect, test, vi } from 'vitest';
import { eventually, tenantSpec } from '../../conformance/scene.ts';
import { openUserDoor } from '../../conformance/user-door.ts';
import { fieldOf, listOf, metaOf } from './host/objects.ts';
import { readAll } from './host/read.ts';
import { namesOf } from './names.ts';

const given = hostCluster('tenant');
// A kubelet brings what has changed in a ConfigMap to its pods within a minute and a half.
const settleMs = 180_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });

vi.setConfig({ testTimeout: 400_000 });

test.skipIf(given === null)(
  'a running vCluster takes another authority of its issuer, and nobody who was let in is refused meanwhile',
  async () => {
    if (given === null) return;
    await using on = await hostUnderTest(given);
    const spec = tenantSpec();
    const id = spec.workspaceId;
    await on.driver().ensureTenant(spec, call());
    await eventually(settleMs, async () => {
      const state = await on.driver().observeTenant(id, call());
      return state.kind === 'present' && state.ready;
    });
    const user = { username: 'hexabase:ann@example.test', groups: ['hexabase:ws-members'] };
    const review = {
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      method: 'POST',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    };
    await using door = await openUserDoor(await on.driver().upstream(id), on.issuer.tokenFor(id, user));
    expect((await door.send(review)).text).toContain(user.username);
    const { namespace } = namesOf(id);
    const controlPlane = async () => {
      const pods = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'app=vcluster' };
      return (await readAll(on.host, pods, call().signal)).map((pod) => ({
        uid: metaOf(pod).uid,
        restarts: listOf(fieldOf(pod, 'status', 'containerStatuses')).map((one) => one['restartCount']),
      }));
    };
    const before = await controlPlane();

    on.issuer.renewAuthority();
    const asked = on.issuer.asked();
    // As the product does when it was started with another one.
    await on.restart();
    await on.driver().ensureTenant({ ...spec, fence: spec.fence + 1 }, call());
    await eventually(settleMs, async () => {
      await sleep(500);
      expect((await door.send(review)).status).toBe(201);
      return on.issuer.asked() > asked;
    });
    on.issuer.rotate();
    const { status, text } = await door.send({ ...review, token: on.issuer.tokenFor(id, user) });
    expect(status).toBe(201);
    expect(text).toContain(user.username);
    expect(await controlPlane()).toEqual(before);
  },
);
