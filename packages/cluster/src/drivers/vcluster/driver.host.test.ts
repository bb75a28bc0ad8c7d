import { afterEach, describe, vi } from 'vitest';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { driverConformance } from '../../conformance/driver-conformance.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';

const given = hostCluster('tenant');

// A real control plane takes a quarter of a minute to start, and some tests make several.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

describe.skipIf(given === null)('on a real host cluster', () => {
  let under: HostUnderTest | undefined;
  // Each takes half a GiB: the next test need not wait for it to be gone.
  afterEach(() => under?.removeMade());

  driverConformance('vcluster', {
    async make() {
      if (given === null) throw new Error('there is no host cluster');
      under = await hostUnderTest(given);
      return under;
    },
    settleMs: 180_000,
    parallelTenants: 3,
  });

  // As a control plane outside of the host reaches its tenants. What the driver does to the host itself is the same.
  driverConformance('vcluster, reached through the API of the host', {
    async make() {
      if (given === null) throw new Error('there is no host cluster');
      under = await hostUnderTest(given, { reach: 'tunnel' });
      return under;
    },
    settleMs: 180_000,
    themes: ['users', 'copies'],
  });
});
