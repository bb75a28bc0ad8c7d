import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
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

  it('each refuse everything that they are about in some fixture, by every path of the API that leads there', () => {
    // One and the same rule for whatever we write.
    const general = ['hexabase-fence-order', 'hexabase-fence-inside', 'hexabase-own-namespaces'];
    const untried = hostPolicies
      .filter(({ name }) => !general.includes(name))
      .flatMap(({ name, match }) => {
        const tried = policyFixtures(name)
          .filter((one) => one.expect === 'fail')
          .map(({ object, of = object.kind, subresource }) => (subresource ? `${of}/${subresource}` : of));
        return match.filter(({ kind }) => !tried.includes(kind)).map(({ kind }) => `${name}: ${kind}`);
      });
    expect(untried).toEqual([]);
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
      for (const [index, { expression, message, messageExpression }] of native.validations.entries()) {
        expect(kyverno.validations[index]?.message).toBe(message);
        expect(kyverno.validations[index]?.messageExpression).toBe(messageExpression);
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
    const names = requiredRights.map(
      ({ apiGroup, resource, resourceNames }) => `${apiGroup}/${resource} ${resourceNames ? 'by name' : ''}`,
    );
    expect(names).toEqual([...new Set(names)]);
    for (const { why } of requiredRights) expect(why).toMatch(/^to /);
  });

  it('to write admission policies are for our own, and are given by a role that can be left out', () => {
    const apart = requiredRights.filter((right) => right.apart === true);
    const writes = requiredRights.filter(
      ({ apiGroup, verbs }) =>
        apiGroup === 'admissionregistration.k8s.io' &&
        !verbs.every((verb) => verb === 'get' || verb === 'list'),
    );
    expect(apart).toEqual(writes);
    const own = installedPolicies.map(({ name }) => name);
    for (const { resourceNames } of writes) expect(resourceNames).toEqual(own);
    const roles = hostRbac().filter(({ kind }) => kind === 'ClusterRole');
    expect(roles.map(({ metadata }) => metadata.name)).toEqual(['hexabase-host', 'hexabase-host-policies']);
    expect(JSON.stringify(roles[0])).not.toMatch(/admissionregistration[^}]*"(create|patch|update|delete)"/);
    expect(JSON.stringify(roles[1])).toMatch(/admissionregistration[^}]*"(create|patch)"/);
  });

  it('that are for giving them on are the ones that the chart gives to a tenant, no more and no fewer', () => {
    const chart = ['rendered-starter-dedicated', 'on-newer-host']
      .map((file) => readFileSync(join(import.meta.dirname, `../chart/golden/${file}.yaml`), 'utf8'))
      .flatMap((text) => parseAllDocuments(text))
      .map((document): Rendered => document.toJS())
      .flatMap((object) => object.rules ?? [])
      .flatMap(flat);
    const ours = rules.flatMap(flat);
    expect(chart.length).toBeGreaterThan(50);
    expect(chart.filter((right) => !ours.includes(right))).toEqual([]);
    const toGive = requiredRights
      .filter(({ why }) => why.startsWith('to give it to the tenant'))
      .flatMap(({ apiGroup, resource, verbs }) =>
        flat({ apiGroups: [apiGroup], resources: [resource], verbs }),
      );
    expect(toGive.filter((right) => !chart.includes(right))).toEqual([]);
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

interface Rule {
  apiGroups: readonly string[];
  resources: readonly string[];
  verbs: readonly string[];
}

interface Rendered {
  rules?: Rule[];
}

function flat({ apiGroups, resources, verbs }: Rule): string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
  );
}

interface Spec {
  matchConstraints: object;
  validations: { expression: string; message: string; messageExpression?: string }[];
}

function specOf(policy: object): Spec {
  return (policy as { spec: Spec }).spec;
}
