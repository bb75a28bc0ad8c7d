import { describe, expect, it } from 'vitest';
import { fixturePolicies, policyFixtures } from '../../../conformance/policy-fixtures.ts';
import { requiredRights } from '../required-rights.ts';
import { hostPolicies, installedPolicies } from './host-policies.ts';
import { hostRbac } from './host-rbac.ts';
import { kyvernoPolicy } from './kyverno.ts';
import { nativePolicy } from './native.ts';

describe('the policies of a host cluster', () => {
  it('each have a fixture that passes and one that fails, and no fixture is left over', () => {
    expect(fixturePolicies().sort()).toEqual(hostPolicies.map(({ name }) => name).sort());
    for (const { name } of hostPolicies) {
      const attempts = policyFixtures(name).map((attempt) => attempt.expect);
      expect(attempts, name).toContain('pass');
      expect(attempts, name).toContain('fail');
    }
  });

  it('each refuse by every one of their rules in some fixture', () => {
    const untried = hostPolicies.flatMap(({ name, validations }) => {
      const said = policyFixtures(name).flatMap(({ says }) => says ?? []);
      return validations
        .filter(({ message }) => !said.some((part) => message.includes(part)))
        .map(({ message }) => message);
    });
    // Kubernetes refuses a hostProcess pod without hostNetwork by itself, and one with it the rule before refuses.
    expect(untried).toEqual(['pods of workspaces may not run as processes of the node (hostProcess)']);
  });

  it('are installed by us only where they bind nobody but workspaces', () => {
    for (const { name } of installedPolicies) expect(name).toMatch(/^hexabase-/);
    for (const { name, scope } of hostPolicies)
      expect(name.startsWith('hexabase-')).toBe(scope === 'workspaces');
  });

  it('say the same for Kyverno as natively', () => {
    for (const policy of hostPolicies) {
      const [native, kyverno] = [specOf(nativePolicy(policy)[0]), specOf(kyvernoPolicy(policy))];
      expect(kyverno.matchConstraints, policy.name).toEqual(native.matchConstraints);
      expect(kyverno.validations).toHaveLength(native.validations.length);
      for (const [index, { expression, message }] of native.validations.entries()) {
        expect(kyverno.validations[index]?.message).toBe(message);
        expect(kyverno.validations[index]?.expression).toContain(
          expression.replaceAll('params.', 'variables.record.'),
        );
      }
    }
  });

  it('ask the API of the host for Kyverno only who asks, and what the record says', () => {
    for (const policy of hostPolicies) {
      const asks = JSON.stringify(kyvernoPolicy(policy)).match(/resource\.(Get|Post|List)/g) ?? [];
      expect(asks, policy.name).toEqual([
        ...(policy.exceptOwners === true ? ['resource.Post'] : []),
        ...(policy.fenceRecords === true ? ['resource.Get'] : []),
      ]);
    }
  });
});

describe('the rights of the control plane on a host', () => {
  const rules = hostRbac().flatMap((object) => (Array.isArray(object['rules']) ? object['rules'] : []));

  it('are named one by one: no wildcard, no escalate, no bind, no impersonate, no nodes/proxy', () => {
    expect(rules).toHaveLength(requiredRights.length);
    expect(JSON.stringify(rules)).not.toMatch(
      /"\*"|escalate|"bind"|impersonate|nodes\/proxy|serviceaccounts\/token/,
    );
  });

  it('are each given once, with a reason', () => {
    const names = requiredRights.map(({ apiGroup, resource }) => `${apiGroup}/${resource}`);
    expect(names).toEqual([...new Set(names)]);
    for (const { why } of requiredRights) expect(why).toMatch(/^to /);
  });

  it('to write are confined to our own namespaces by a policy', () => {
    const confined = hostPolicies.find(({ name }) => name === 'hexabase-own-namespaces');
    const covered = confined?.match.map(({ apiGroup, resource }) => `${apiGroup}/${resource}`) ?? [];
    const written = requiredRights
      .filter(({ verbs }) => verbs.some((verb) => verb !== 'get' && verb !== 'list' && verb !== 'watch'))
      .map(({ apiGroup, resource }) => `${apiGroup}/${resource}`);
    expect(written.filter((name) => !covered.includes(name)).sort()).toEqual([
      // Reports about objects; the policies themselves; and a right that is no object.
      '/events',
      'admissionregistration.k8s.io/validatingadmissionpolicies',
      'admissionregistration.k8s.io/validatingadmissionpolicybindings',
      'events.k8s.io/events',
      'hexabase.ai/workspaces',
    ]);
  });
});

interface Spec {
  matchConstraints: object;
  validations: { expression: string; message: string }[];
}

function specOf(policy: object): Spec {
  return (policy as { spec: Spec }).spec;
}
