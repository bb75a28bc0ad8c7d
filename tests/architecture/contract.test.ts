import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { matrix } from '@hexabase/authz/matrix.ts';
import { platformActions, roleActions } from '@hexabase/authz/roles.ts';
import { allOperations } from '@hexabase/contract/all-operations.ts';
import { resources } from '@hexabase/contract/index.ts';
import type { Resource } from '@hexabase/contract/resource.ts';
import { features } from '@hexabase/features/index.ts';
import { errorCodes } from '@hexabase/kernel/error-codes.ts';
import { describe, expect, it } from 'vitest';
import { isTest, root, sourceFiles } from './source-files.ts';

const operations = allOperations().map(({ operation }) => operation);
const all = Object.values<Resource>(resources);

describe('contract', () => {
  it('the list of resources is what lies in the folder', () => {
    const defining = sourceFiles('packages/contract/src').filter((file) =>
      /^export const \w+ = defineResource\(/m.test(file.text),
    );
    expect(defining.length).toBeGreaterThan(5);
    expect(all.map((resource) => resource.noun).sort()).toEqual(
      defining.map((file) => /noun: '([a-z-]+)'/.exec(file.text)?.[1]).sort(),
    );
  });

  it('the list of features is what lies in the folder', () => {
    const folders = readdirSync(join(root, 'packages/features/src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'run')
      .map((entry) => entry.name);
    expect(folders.length).toBeGreaterThan(5);
    expect(all.map((resource) => resource.plural).sort()).toEqual(folders.sort());
    expect(features.map((feature) => feature.noun).sort()).toEqual(
      all.map((resource) => resource.noun).sort(),
    );
  });

  it('every operation has a use case, a row of the authorization matrix, and an address and a name of its own', () => {
    const ids = operations.map((operation) => operation.id);
    expect(ids.length).toBeGreaterThan(20);
    expect(
      features.flatMap((feature) => feature.bindings.map((binding) => binding.operation.id)).sort(),
    ).toEqual([...ids].sort());
    expect(matrix().map((row) => row.operation.id)).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(operations.map((operation) => `${operation.method} ${operation.path}`)).size).toBe(
      ids.length,
    );
  });

  it('every list comes in pages, but for those that are short whatever happens', () => {
    const whole: Record<string, string> = {
      'access.who-can': 'one answer, refused beyond twenty thousand lines',
      'second-factor.list': 'ten of one person at most',
    };
    const lists = operations.filter(
      ({ method, output }) => method === 'GET' && output && 'element' in output,
    );
    expect(lists.length).toBeGreaterThan(15);
    expect(lists.filter(({ paged }) => !paged).map(({ id }) => id)).toEqual(Object.keys(whole));
    const sized = lists.filter(
      ({ paged, query }) => paged && !(query && 'page' in query.shape && 'limit' in query.shape),
    );
    expect(sized.map(({ id }) => id)).toEqual([]);
  });

  it('every action that an operation asks for is given to some role', () => {
    const asked = operations.flatMap(({ access }) => (access.kind === 'action' ? [access.action] : []));
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((action) => !roleActions.owner.includes(action))).toEqual([]);
  });

  it('every action on the platform is given by the platform role, and by no role of an organization', () => {
    const asked = operations.flatMap(({ access }) => (access.kind === 'platform' ? [access.action] : []));
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((action) => !platformActions.includes(action))).toEqual([]);
    expect(asked.filter((action) => roleActions.owner.includes(action))).toEqual([]);
  });

  it('every error code is raised somewhere', () => {
    const code = sourceFiles('packages', 'apps').filter(
      (file) => !isTest(file) && !file.path.endsWith('kernel/src/error-codes.ts'),
    );
    const codes = Object.keys(errorCodes);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((name) => !code.some((file) => file.text.includes(`'${name}'`)))).toEqual([]);
  });
});
