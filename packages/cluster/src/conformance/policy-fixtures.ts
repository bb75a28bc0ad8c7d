import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { ApplicableObject } from '../kube-api/apply.ts';
import { parse, parseAllDocuments } from 'yaml';

/** One attempt at a host cluster's policies, as `deploy/policies/fixtures` has them. */
export interface PolicyFixture {
  name: string;
  expect: 'pass' | 'fail';
  as: 'administrator' | 'hexabase' | 'tenant' | 'operator' | 'scheduler' | 'counter' | 'node';
  /** `update` is a merge patch. */
  do: 'create' | 'apply' | 'update' | 'replace' | 'delete' | 'delete-all';
  subresource?: string;
  /** Whose subresource, where the object that is sent is of another kind. */
  of?: string;
  /** Who owns the fields; we ourselves when absent. */
  manager?: string;
  object: ApplicableObject;
  /** Part of the refusal. */
  says?: string;
}

const folder = resolve(import.meta.dirname, '../../../../deploy/policies/fixtures');
const given = 'given';

/** Names of the policies that have fixtures. */
export function fixturePolicies(): string[] {
  return readdirSync(folder)
    .map((file) => basename(file, '.yaml'))
    .filter((name) => name !== given);
}

/** The attempts at one policy. */
export function policyFixtures(policy: string): PolicyFixture[] {
  return parse(readFileSync(join(folder, `${policy}.yaml`), 'utf8'));
}

/** What exists on the host before. */
export function givenObjects(): ApplicableObject[] {
  const documents = parseAllDocuments(readFileSync(join(folder, `${given}.yaml`), 'utf8'));
  return documents.map((document) => document.toJS());
}
