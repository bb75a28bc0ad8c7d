import type { ApplicableObject } from '@hexabase/cluster/kube-api/apply.ts';
import { hostPolicies } from '@hexabase/cluster/drivers/vcluster/policies/host-policies.ts';
import { hostRbac } from '@hexabase/cluster/drivers/vcluster/policies/host-rbac.ts';
import { kyvernoPolicy } from '@hexabase/cluster/drivers/vcluster/policies/kyverno.ts';
import { nativePolicy } from '@hexabase/cluster/drivers/vcluster/policies/native.ts';
import { stringify } from 'yaml';

/** What an administrator of a host cluster applies by hand, as YAML by path. */
export const hostFiles: Readonly<Record<string, () => string>> = {
  'deploy/host-rbac.yaml': () =>
    documents('packages/cluster/src/drivers/vcluster/required-rights.ts', hostRbac()),
  ...Object.fromEntries(
    hostPolicies.flatMap((policy) => [
      [
        `deploy/policies/native/${policy.name}.yaml`,
        () => documents('packages/cluster/src/drivers/vcluster/policies', nativePolicy(policy)),
      ],
      [
        `deploy/policies/kyverno/${policy.name}.yaml`,
        () => documents('packages/cluster/src/drivers/vcluster/policies', [kyvernoPolicy(policy)]),
      ],
    ]),
  ),
};

function documents(source: string, objects: readonly ApplicableObject[]): string {
  const texts = objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }));
  return `# Made by \`npm run gen\` from ${source}.\n${texts.join('---\n')}`;
}
