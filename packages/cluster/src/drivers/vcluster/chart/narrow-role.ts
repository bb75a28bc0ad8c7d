import type { ApplicableObject } from '../../../kube-api/apply.ts';

/**
 * The chart's objects as we apply them. With nodes the chart lets a tenant's control plane read every pod of the host,
 * for a scheduler inside the tenant, which none of ours has (vCluster 0.36, pkg/controllers/resources/nodes/syncer.go).
 * Pods of other workspaces carry tokens of their tenants' accounts in annotations, so that right is left out, of every
 * release: the policy `hexabase-tenant-roles` refuses it.
 */
export function withoutPodsOfOthers(object: ApplicableObject): ApplicableObject {
  const { rules } = object;
  if (object.kind !== 'ClusterRole' || !Array.isArray(rules)) return object;
  return { ...object, rules: rules.map(narrowed).filter((rule) => !isOfNothing(rule)) };
}

interface Rule {
  apiGroups?: readonly string[];
  resources?: readonly string[];
}

function narrowed(rule: Rule): Rule {
  if (rule.apiGroups?.includes('') !== true || rule.resources === undefined) return rule;
  return { ...rule, resources: rule.resources.filter((resource) => resource !== 'pods') };
}

function isOfNothing({ resources }: Rule): boolean {
  return resources?.length === 0;
}
