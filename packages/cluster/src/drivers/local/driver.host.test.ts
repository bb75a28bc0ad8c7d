import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { testIssuer } from '@hexabase/testkit/test-issuer.ts';
import { afterEach, describe } from 'vitest';
import { driverConformance } from '../../conformance/driver-conformance.ts';
import type { DriverUnderTest } from '../../conformance/driver-under-test.ts';
import { localDriver } from './driver.ts';

const binaries = kubeBinaries();
const newestFence = Number.MAX_SAFE_INTEGER;

interface LocalUnderTest extends DriverUnderTest {
  removeMade(): Promise<void>;
}

async function underTest(folder: string): Promise<LocalUnderTest> {
  const issuer = await testIssuer();
  const root = await mkdtemp(join(tmpdir(), 'hks-local-'));
  const made = new Set<WorkspaceId>();
  const start = () =>
    localDriver({
      root,
      binaries: folder,
      issuerAuthority: () => issuer.certificateAuthority,
      clock: systemClock,
      log: silentLogger,
    });
  let driver = await start();
  return {
    driver: () => ({
      ...driver,
      // The suite's issuer is nowhere; tokens come from the one that runs here.
      ensureTenant(spec, call) {
        made.add(spec.workspaceId);
        return driver.ensureTenant({ ...spec, identity: { ...spec.identity, issuer: issuer.issuer } }, call);
      },
    }),
    tokenFor: async (workspaceId, user) => issuer.tokenFor(workspaceId, user),
    async restart() {
      await driver[Symbol.asyncDispose]();
      driver = await start();
    },
    async removeMade() {
      const call = { signal: AbortSignal.timeout(30_000) };
      await Promise.all([...made].map((id) => driver.removeTenant(id, newestFence, call)));
      made.clear();
    },
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

describe.skipIf(binaries === null)('with the programs of HKS_KUBE_BIN', () => {
  let under: LocalUnderTest | undefined;
  // Each tenant takes half a gigabyte: none lives longer than its test.
  afterEach(async () => under?.removeMade());
  driverConformance('local', {
    make: async () => (under = await underTest(binaries ?? '')),
    settleMs: 100_000,
    parallelTenants: 3,
  });
});
