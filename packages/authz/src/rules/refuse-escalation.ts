import { isClusterWide } from '@hexabase/contract/rules/known-resources.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { countSingleRights, coveredBy } from './covers.ts';

export interface RuleProblem {
  /** `rules.0.verbs`. */
  path: string;
  message: string;
}

/** Verbs that turn into any other right, or vouch for somebody. A map: every plain object has `constructor`. */
const refusedVerbs: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '*': 'name each verb: a wildcard also gives what comes later',
    escalate: 'escalate lets its holder write roles with more than they have',
    bind: 'bind lets its holder give away roles that they do not have',
    impersonate: 'impersonate lets its holder act as somebody else',
    approve: 'approve lets its holder make certificates for others',
    sign: 'sign lets its holder make certificates for others',
    attest: 'attest lets its holder vouch for certificates',
  }),
);

/** Resources through which any right can be had. */
const refusedResources: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'serviceaccounts/token': 'it hands out tokens of service accounts, with all their rights',
    'nodes/proxy': 'it reaches every container of a node, past roles and audit',
    'certificatesigningrequests/approval': 'it makes certificates for any name',
    signers: 'it makes certificates for any name',
  }),
);

/** All rules together: each single right is compared with the author's. */
const singleRightsMax = 20_000;

/** What the plan decides; a change would be put back. */
const decidedByPlan = ['resourcequotas', 'limitranges'];
const reading = ['get', 'list', 'watch'];

/**
 * What makes rules unfit for a custom role; empty when they are fine. Refused are wildcards, verbs and resources that
 * lead to other rights, what lies outside namespaces in a role for projects, what the plan decides, and everything that
 * `held`, the author's own rights there, does not have.
 */
export function findEscalations(
  rules: readonly PolicyRule[],
  { scope, held }: { scope: 'workspace' | 'project'; held: readonly PolicyRule[] },
): RuleProblem[] {
  const singleRights = rules.reduce((sum, rule) => sum + countSingleRights(rule), 0);
  if (singleRights > singleRightsMax) {
    const message = `they are ${singleRights} single rights together, and a role has ${singleRightsMax} at most; name fewer things`;
    return [{ path: 'rules', message }];
  }
  const isCovered = coveredBy(held);
  return rules.flatMap((rule, index) => {
    const at = (field: string) => `rules.${index}.${field}`;
    const problems = [
      ...shapeProblems(rule, at),
      ...rule.verbs.flatMap((verb) => problem(at('verbs'), refusedVerbs.get(verb))),
      ...rule.apiGroups.flatMap((group) =>
        problem(at('apiGroups'), group === '*' ? 'name each API group' : undefined),
      ),
      ...rule.resources.flatMap((resource) => problem(at('resources'), whyNotResource(resource, rule))),
      ...rule.nonResourceURLs.flatMap((path) =>
        problem(at('nonResourceURLs'), path === '*' || path === '/*' ? 'name each path' : undefined),
      ),
      ...(scope === 'project' ? outsideProject(rule, at) : []),
    ];
    if (problems.length > 0 || isCovered(rule)) return problems;
    return [{ path: `rules.${index}`, message: 'it allows more than you may do there yourself' }];
  });
}

function shapeProblems(rule: PolicyRule, at: (field: string) => string): RuleProblem[] {
  const hasResources = rule.resources.length > 0;
  if (!hasResources && rule.nonResourceURLs.length === 0)
    return [{ path: at('resources'), message: 'name what it is about: resources or paths' }];
  if (hasResources && rule.apiGroups.length === 0)
    return [{ path: at('apiGroups'), message: 'name the API groups; the core group is ""' }];
  if (hasResources && rule.nonResourceURLs.length > 0)
    return [{ path: at('nonResourceURLs'), message: 'give resources and paths in rules of their own' }];
  return [];
}

function whyNotResource(resource: string, rule: PolicyRule): string | undefined {
  if (resource.includes('*')) return 'name each resource: a wildcard also gives what comes later';
  const [main = ''] = resource.split('/');
  if (decidedByPlan.includes(main) && rule.verbs.some((verb) => !reading.includes(verb)))
    return `the plan decides ${main}: they can only be read`;
  return refusedResources.get(resource);
}

function outsideProject(rule: PolicyRule, at: (field: string) => string): RuleProblem[] {
  const outside = rule.resources.filter((resource) =>
    rule.apiGroups.some((group) => isClusterWide(group, resource.split('/')[0] ?? '')),
  );
  return [
    ...outside.map((resource) => ({
      path: at('resources'),
      message: `${resource} belongs to the whole workspace: make a workspace role for it`,
    })),
    ...(rule.nonResourceURLs.length > 0
      ? [{ path: at('nonResourceURLs'), message: 'paths belong to the whole workspace' }]
      : []),
  ];
}

function problem(path: string, message: string | undefined): RuleProblem[] {
  return message === undefined ? [] : [{ path, message }];
}
