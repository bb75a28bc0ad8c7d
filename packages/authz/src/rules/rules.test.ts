import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { parseRule } from '@hexabase/contract/rules/rule-text.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rulesAllow, type Wish } from './allows.ts';
import { coveredBy } from './covers.ts';
import { rulesInWords } from './in-words.ts';
import { presetRoles } from './presets.ts';
import { findEscalations } from './refuse-escalation.ts';

const verbs = ['get', 'list', 'update', 'delete'];
const apiGroups = ['', 'apps', 'batch'];
const resources = ['pods', 'pods/log', 'deployments', 'jobs'];
const names = ['a', 'b'];

const some = (values: readonly string[], extra: readonly string[] = []) =>
  fc.uniqueArray(fc.constantFrom(...values, ...extra), { minLength: 1, maxLength: 3 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some(verbs, ['*']),
  apiGroups: some(apiGroups, ['*']),
  resources: some(resources, ['*', '*/log']),
  resourceNames: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
  nonResourceURLs: fc.constant([]),
});

/** Every request there is in this small world. */
const wishes: Wish[] = verbs.flatMap((verb) =>
  apiGroups.flatMap((group) =>
    resources.flatMap((text) => {
      const [resource = '', subresource = ''] = text.split('/');
      return ['', ...names, 'other'].map((name) => ({ verb, group, resource, subresource, name }));
    }),
  ),
);

describe('rules', () => {
  it('that are covered allow nothing that the covering ones refuse', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 4 }), anyRule, (held, wanted) => {
        if (!coveredBy(held)(wanted)) return;
        for (const wish of wishes) if (rulesAllow([wanted], wish)) expect(rulesAllow(held, wish)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('of a role that passes never allow more than the author has, nor any wildcard', () => {
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 3 }),
        fc.array(anyRule, { minLength: 1, maxLength: 3 }),
        (held, rules) => {
          if (findEscalations(rules, { scope: 'project', held }).length > 0) return;
          expect(JSON.stringify(rules)).not.toContain('*');
          for (const wish of wishes) if (rulesAllow(rules, wish)) expect(rulesAllow(held, wish)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('that are too many to compare are covered by one that has all of them, and by nothing else', () => {
    const words = (prefix: string) => Array.from({ length: 60 }, (_, n) => `${prefix}${n}`);
    const huge = {
      verbs: words('v'),
      apiGroups: words('g'),
      resources: words('r'),
      resourceNames: words('n'),
      nonResourceURLs: [],
    };
    const star = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] };
    expect(coveredBy([star])(huge)).toBe(true);
    expect(coveredBy([huge])(huge)).toBe(true);
    const halves = [
      { ...huge, verbs: huge.verbs.slice(0, 30) },
      { ...huge, verbs: huge.verbs.slice(30) },
    ];
    expect(coveredBy(halves)(huge)).toBe(false);
    expect(coveredBy([star])({ ...huge, nonResourceURLs: ['/metrics'] })).toBe(false);
    expect(findEscalations([huge], { scope: 'workspace', held: [star] }).map(({ path }) => path)).toEqual([
      'rules',
    ]);
  });

  it('are compared a hundred thousand times in one decision, and after that count as not covered', () => {
    const about = (verb: string) => ({
      verbs: [verb],
      apiGroups: ['example.com'],
      resources: ['things'],
      resourceNames: [],
      nonResourceURLs: [],
    });
    const held = [...Array.from({ length: 1_999 }, () => about('list')), about('get')];
    const wanted = (count: number) => Array.from({ length: count }, () => about('get'));
    expect(wanted(50).every(coveredBy(held))).toBe(true);
    expect(wanted(51).every(coveredBy(held))).toBe(false);
  });

  it('about paths are covered by paths, and by no resource that is called as one', () => {
    const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
    const wanted = { ...none, verbs: ['get'], nonResourceURLs: ['/metrics/all'] };
    const paths = (...nonResourceURLs: string[]) => [{ ...none, verbs: ['get'], nonResourceURLs }];
    expect(coveredBy(paths('/metrics/*'))(wanted)).toBe(true);
    expect(coveredBy(paths('*'))(wanted)).toBe(true);
    expect(coveredBy(paths('/metrics/all'))(wanted)).toBe(true);
    expect(coveredBy(paths('/metrics', '/metrics/all/*', '/other/*'))(wanted)).toBe(false);
    expect(coveredBy(paths('/metrics/*'))({ ...wanted, verbs: ['post'] })).toBe(false);
    const named = {
      ...none,
      verbs: ['get'],
      apiGroups: [''],
      resources: ['*', '/metrics/*', '/metrics/all'],
    };
    expect(coveredBy([named])(wanted)).toBe(false);
  });

  it('let a developer deploy, and neither edit quotas nor roles', () => {
    const rules =
      presetRoles.find(({ clusterRole }) => clusterRole === 'hexabase:project-developer')?.rules ?? [];
    const may = (verb: string, group: string, resource: string) =>
      rulesAllow(rules, { verb, group, resource, subresource: '', name: '' });
    expect(may('create', 'apps', 'deployments')).toBe(true);
    expect(may('list', '', 'resourcequotas')).toBe(true);
    expect(may('update', '', 'resourcequotas')).toBe(false);
    expect(may('create', 'rbac.authorization.k8s.io', 'rolebindings')).toBe(false);
  });

  it('of each project preset are within those of the next', () => {
    const rulesOf = (name: string) =>
      presetRoles.find((preset) => preset.scope === 'project' && preset.name === name)?.rules ?? [];
    expect(rulesOf('viewer').every(coveredBy(rulesOf('developer')))).toBe(true);
    expect(rulesOf('developer').every(coveredBy(rulesOf('admin')))).toBe(true);
    expect(rulesOf('admin').every(coveredBy(rulesOf('developer')))).toBe(false);
  });

  it('are read as people type them, and told in words', () => {
    const rules = parseRule('get,list,watch,patch:deployments,pods/log:web');
    expect(rules).toEqual([
      {
        verbs: ['get', 'list', 'watch', 'patch'],
        apiGroups: ['apps'],
        resources: ['deployments'],
        resourceNames: ['web'],
        nonResourceURLs: [],
      },
      {
        verbs: ['get', 'list', 'watch', 'patch'],
        apiGroups: [''],
        resources: ['pods/log'],
        resourceNames: ['web'],
        nonResourceURLs: [],
      },
    ]);
    expect(rulesInWords(rules)).toEqual(['May see and change deployments, log of pods named web.']);
    expect(rulesInWords(parseRule('get:secrets')).join(' ')).toContain('passwords and keys');
    expect(() => parseRule('get:widgets')).toThrow('API group');
    expect(() => parseRule('pods')).toThrow('VERBS:RESOURCES');
  });
});
