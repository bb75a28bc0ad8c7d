import { knownGroupOf } from './known-resources.ts';
import type { PolicyRule } from './policy-rule.ts';

/** A resource as people write it: `pods/log`, `deployments`, `deployments.apps/scale`. */
export interface NamedResource {
  group: string;
  resource: string;
  /** '' for the resource itself. */
  subresource: string;
}

/** What is wrong with a rule or a resource that somebody typed. */
export class RuleTextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RuleTextError';
  }
}

const resourcePattern = /^([a-z0-9-]+)(?:\.([a-z0-9.-]+))?(?:\/([a-z0-9-]+))?$/;

/** Reads kubectl's notation. Throws `RuleTextError` for a bare name that Kubernetes itself does not have. */
export function parseResource(text: string): NamedResource {
  const [, resource = '', group, subresource = ''] = resourcePattern.exec(text) ?? [];
  if (resource === '') {
    throw new RuleTextError(`“${text}” is no resource: write pods, pods/log or deployments.apps/scale`);
  }
  const known = group ?? knownGroupOf(resource);
  if (known === null) {
    throw new RuleTextError(
      `Kubernetes itself has no ${resource}: write its API group too, ${resource}.example.com`,
    );
  }
  return { group: known, resource, subresource };
}

/**
 * Reads a rule as the command line takes it, `VERBS:RESOURCES[:NAMES]`, each a list with commas:
 * `get,list,watch:pods,deployments.apps` or `get:configmaps:settings`. Answers one rule per API group.
 * Throws `RuleTextError`.
 */
export function parseRule(text: string): PolicyRule[] {
  const [verbs = '', resources = '', names = '', ...rest] = text.split(':');
  if (verbs === '' || resources === '' || rest.length > 0) {
    throw new RuleTextError(`“${text}” is no rule: write VERBS:RESOURCES[:NAMES], for example get,list:pods`);
  }
  const byGroup = Map.groupBy(listOf(resources).map(parseResource), ({ group }) => group);
  return [...byGroup].map(([group, found]) => ({
    verbs: listOf(verbs),
    apiGroups: [group],
    resources: found.map(resourceText),
    resourceNames: listOf(names),
    nonResourceURLs: [],
  }));
}

/** `pods/log` of a resource and its part. */
export function resourceText({
  resource,
  subresource,
}: Pick<NamedResource, 'resource' | 'subresource'>): string {
  return subresource === '' ? resource : `${resource}/${subresource}`;
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
