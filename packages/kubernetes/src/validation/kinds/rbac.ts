import { asJson, isJson, items, strings, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { dnsSubdomain, pathSegment } from '../formats.ts';
import { checkFormat, sameJson } from '../problems.ts';
import type { Problems } from '../problems.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Rules of a Role or ClusterRole. */
export function checkRole(role: Json, problems: Problems): void {
  const namespaced = role['kind'] === 'Role';
  items(role['rules']).forEach((rule, index) =>
    checkRule(rule, { path: `rules[${index}]`, namespaced }, problems),
  );
  const aggregation = role['aggregationRule'];
  if (isJson(aggregation) && items(aggregation['clusterRoleSelectors']).length === 0) {
    problems.required(
      'aggregationRule.clusterRoleSelectors',
      'at least one clusterRoleSelector required if aggregationRule is non-nil',
    );
  }
}

function checkRule(
  rule: Json,
  { path, namespaced }: { path: string; namespaced: boolean },
  problems: Problems,
): void {
  if (strings(rule['verbs']).length === 0)
    problems.required(`${path}.verbs`, 'verbs must contain at least one value');
  const urls = strings(rule['nonResourceURLs']);
  const groups = strings(rule['apiGroups']);
  const resources = strings(rule['resources']);
  if (urls.length > 0) {
    if (namespaced)
      problems.invalid(`${path}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs');
    if (groups.length + resources.length + strings(rule['resourceNames']).length > 0) {
      problems.invalid(
        `${path}.nonResourceURLs`,
        urls,
        'rules cannot apply to both regular resources and non-resource URLs',
      );
    }
    return;
  }
  if (groups.length === 0)
    problems.required(`${path}.apiGroups`, 'resource rules must supply at least one api group');
  if (resources.length === 0)
    problems.required(`${path}.resources`, 'resource rules must supply at least one resource');
}

/** Rules of a RoleBinding or ClusterRoleBinding. */
export function checkBinding(binding: Json, problems: Problems): void {
  const roleRef = asJson(binding['roleRef']);
  const namespaced = binding['kind'] === 'RoleBinding';
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (text(roleRef['apiGroup']) !== GROUP)
    problems.notSupported('roleRef.apiGroup', roleRef['apiGroup'] ?? '', [GROUP]);
  if (!kinds.includes(text(roleRef['kind'])))
    problems.notSupported('roleRef.kind', roleRef['kind'] ?? '', kinds);
  const name = text(roleRef['name']);
  if (name === '') problems.required('roleRef.name');
  else checkFormat('roleRef.name', name, { messages: pathSegment(name), problems });
  items(binding['subjects']).forEach((subject, index) =>
    checkSubject(subject, { path: `subjects[${index}]`, namespaced }, problems),
  );
}

/** Another role would be another grant, so a binding has to be made anew. */
export function checkBindingUpdate(binding: Json, old: Json, problems: Problems): void {
  if (!sameJson(binding['roleRef'], old['roleRef']))
    problems.invalid('roleRef', binding['roleRef'], 'cannot change roleRef');
}

function checkSubject(
  subject: Json,
  { path, namespaced }: { path: string; namespaced: boolean },
  problems: Problems,
): void {
  const name = text(subject['name']);
  const kind = text(subject['kind']);
  const apiGroup = text(subject['apiGroup']);
  if (name === '') problems.required(`${path}.name`);
  if (kind === 'ServiceAccount') {
    if (name !== '') checkFormat(`${path}.name`, name, { messages: dnsSubdomain(name), problems });
    if (apiGroup !== '') problems.notSupported(`${path}.apiGroup`, apiGroup, ['']);
    if (!namespaced && text(subject['namespace']) === '') problems.required(`${path}.namespace`);
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== GROUP) problems.notSupported(`${path}.apiGroup`, apiGroup, [GROUP]);
  } else problems.notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']);
}
