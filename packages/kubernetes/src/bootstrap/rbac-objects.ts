import { aggregateFrom } from '../auth/aggregate.ts';
import type { KubeObject } from '../types.ts';
import { clusterBindings, namespacedRoles } from './bindings.ts';
import { clusterRoleRules } from './cluster-roles.ts';
import { controllerRoleRules } from './controller-roles.ts';
import type { BaseMaker } from './maker.ts';
import { parseRuleText } from './rule-text.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const aggregatesInto = { view: 'edit', edit: 'admin', admin: undefined };

/** The base Roles, ClusterRoles and their bindings; the aggregated ones with their rules filled in. */
export function rbacObjects(make: BaseMaker): KubeObject[] {
  const controllers = Object.keys(controllerRoleRules).map((name) => `system:controller:${name}`);
  const plain = [
    ...Object.entries(clusterRoleRules),
    ...Object.entries(controllerRoleRules).map(
      ([name, rules]) => [`system:controller:${name}`, rules] as const,
    ),
  ].map(([name, rules]) =>
    make(
      `${rbacGroup}/ClusterRole`,
      { name, ...rbacMeta(aggregateLabels(name)) },
      { rules: rules.map(parseRuleText) },
    ),
  );
  return [
    ...plain,
    ...aggregatedRoles(make, plain),
    ...clusterBindings.map(([name, role, subjects]) => clusterBinding(make, { name, role, subjects })),
    ...controllers.map((role) => {
      const account = role.replace('system:controller:', '');
      return clusterBinding(make, { name: role, role, subjects: [`ServiceAccount:kube-system/${account}`] });
    }),
    ...namespacedRoles.flatMap(({ namespace, name, binding, rules, subjects }) => [
      make(`${rbacGroup}/Role`, { namespace, name, ...rbacMeta() }, { rules: rules.map(parseRuleText) }),
      make(
        `${rbacGroup}/RoleBinding`,
        { namespace, name: binding, ...rbacMeta() },
        { roleRef: { apiGroup: rbacGroup, kind: 'Role', name }, subjects: subjects.map(parseSubject) },
      ),
    ]),
  ];
}

/** `view` first, since `edit` gathers its rules and `admin` those of `edit`, as the aggregation controller would settle. */
function aggregatedRoles(make: BaseMaker, plain: readonly KubeObject[]): KubeObject[] {
  const roles: KubeObject[] = [];
  for (const name of ['view', 'edit', 'admin'] as const) {
    const selector = { matchLabels: { [`${rbacGroup}/aggregate-to-${name}`]: 'true' } };
    const up = aggregatesInto[name];
    const labels = up === undefined ? {} : { [`${rbacGroup}/aggregate-to-${up}`]: 'true' };
    const fields = { aggregationRule: { clusterRoleSelectors: [selector] } };
    const meta = { name, ...rbacMeta(labels) };
    const candidates = [...plain, ...roles].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const rules = aggregateFrom(make(`${rbacGroup}/ClusterRole`, meta, fields), candidates);
    roles.push(make(`${rbacGroup}/ClusterRole`, meta, { ...fields, rules }));
  }
  return roles;
}

function aggregateLabels(name: string): Record<string, string> {
  const part = /^system:(aggregate-to-.*)$/.exec(name)?.[1];
  return part === undefined ? {} : { [`${rbacGroup}/${part}`]: 'true' };
}

function clusterBinding(
  make: BaseMaker,
  binding: { name: string; role: string; subjects: readonly string[] },
): KubeObject {
  return make(
    `${rbacGroup}/ClusterRoleBinding`,
    { name: binding.name, ...rbacMeta() },
    {
      roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: binding.role },
      ...(binding.subjects.length > 0 && { subjects: binding.subjects.map(parseSubject) }),
    },
  );
}

function rbacMeta(labels: Record<string, string> = {}) {
  return {
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  };
}

function parseSubject(text: string): Record<string, string> {
  const kind = text.slice(0, text.indexOf(':'));
  const name = text.slice(kind.length + 1);
  if (kind !== 'ServiceAccount') return { apiGroup: rbacGroup, kind, name };
  const [namespace = '', account = ''] = name.split('/');
  return { kind, name: account, namespace };
}
