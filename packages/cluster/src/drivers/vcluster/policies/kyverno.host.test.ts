import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { kyvernoUser, startKyverno, withKyverno } from '@hexabase/testkit/host-policies/kyverno.ts';
import { policyHost, type PolicyHost } from '@hexabase/testkit/host-policies/policy-host.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { policyFixtures } from '../../../conformance/policy-fixtures.ts';
import { hostPolicies } from './host-policies.ts';
import { kyvernoPolicy } from './kyverno.ts';

const binaries = withKyverno(kubeBinaries());

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

/** Only Kyverno refuses here: none of the native forms is installed. */
describe.skipIf(binaries === null)('host policies in a real Kyverno', () => {
  let host: PolicyHost;
  let kyverno: AsyncDisposable;
  beforeAll(async () => {
    host = await policyHost(binaries ?? '', [kyvernoUser]);
    kyverno = await startKyverno(binaries ?? '', host);
    for (const policy of hostPolicies) {
      const { status, body } = await host.create(kyvernoPolicy(policy));
      expect(status, JSON.stringify(body)).toBe(201);
    }
  });
  afterAll(async () => {
    await kyverno?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  describe.each(hostPolicies)('$name', ({ name }) => {
    beforeAll(() => active(name));

    it.each(policyFixtures(name))('$expect: $name', async (one) => {
      const { status, body } = await host.attempt(one);
      const said = JSON.stringify(body);
      if (one.expect === 'pass') expect(status, said).toBeLessThan(300);
      else {
        expect(status, said).toBe(400);
        expect(said).toContain(`Policy ${name} failed: `);
        expect(said).toContain(one.says);
      }
    });
  });

  /** The API server and Kyverno learn of a policy some moments after it was written. */
  async function active(policy: string): Promise<void> {
    const refused = policyFixtures(policy).find((one) => one.expect === 'fail');
    if (!refused) throw new Error(`${policy} has no failing fixture`);
    const answer = async (): Promise<void> => {
      expect(JSON.stringify((await host.attempt(refused)).body)).toContain(`Policy ${policy} failed`);
    };
    await vi.waitFor(answer, { timeout: 60_000, interval: 200 });
  }
});
