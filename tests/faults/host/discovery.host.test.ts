import { tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import { fieldOf, listOf, metaOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { namesOf } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { driverOn, startHostStand } from './host-stand.ts';

vi.setConfig({ testTimeout: 180_000 });

const given = ownHost();
const call = () => ({ signal: AbortSignal.timeout(60_000) });

test.skipIf(given === null)(
  'a workspace that is there is told another discovery URL, and none again, and its control plane stays as it is',
  async () => {
    if (given === null) return;
    await using stand = await startHostStand(given);
    const spec = tenantSpec();
    const { namespace, release: name } = namesOf(spec.workspaceId);
    const read = async (version: string, plural: string) =>
      (
        await stand.administrator.request({
          method: 'GET',
          path: resourcePath(version, plural, { namespace }),
        })
      ).body;
    const told = async (): Promise<unknown> => {
      const texts = listOf(fieldOf(await read('v1', 'ConfigMap'), 'items'))
        .flatMap((map) => Object.values(Object(map['data'])))
        .filter((text) => String(text).includes('AuthenticationConfiguration'));
      expect(texts).toHaveLength(1);
      return parse(String(texts[0])).jwt[0].issuer.discoveryURL;
    };
    const controlPlane = async () => {
      const sets = listOf(fieldOf(await read('apps/v1', 'StatefulSet'), 'items'));
      return sets.map((set) => [fieldOf(set, 'metadata', 'name'), metaOf(set).generation]);
    };
    /** As a process does that was started with this setting. */
    const ensure = async (fence: number, discoveryUrl?: string): Promise<void> => {
      await using driver = driverOn({ ...stand.orders, ...(discoveryUrl !== undefined && { discoveryUrl }) });
      await driver.ensureTenant({ ...spec, fence: spec.fence + fence }, call());
    };
    const inside = 'https://inside.example:8443/oidc/.well-known/openid-configuration';

    await ensure(0);
    expect(await told()).toBeUndefined();
    const before = await controlPlane();
    expect(before).toEqual([[name, expect.any(Number)]]);
    await ensure(1, inside);
    expect(await told()).toBe(inside);
    await ensure(2);
    expect(await told()).toBeUndefined();
    expect(await controlPlane()).toEqual(before);
  },
);
