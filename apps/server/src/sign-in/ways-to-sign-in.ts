import type { Execute } from '@hexabase/contract/call.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { openFederation, type Federation } from '@hexabase/oidc/federation/federation.ts';
import { openLetters, type Letters } from '@hexabase/oidc/letters/letters.ts';
import type { Newcomer } from '@hexabase/oidc/upstream/newcomer-store.ts';
import { openUpstream, type Upstream } from '@hexabase/oidc/upstream/upstream.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { makePrivateOrganization } from './private-organization.ts';

interface Parts {
  config: ServerConfig;
  /** Where people reach us; stands in letters. */
  urls: { http: string };
  masterKey: Buffer;
  database: Pick<Database, 'asIdentity'>;
  clock: Clock;
  execute: Execute;
}

/** The ways in beside a known password: identity providers elsewhere, letters, and for programs tokens of CI systems. */
export function waysToSignIn({ config, urls, masterKey, database, clock, execute }: Parts): {
  upstream: Upstream;
  letters: Letters;
  federation: Federation;
} {
  const shared = {
    db: database,
    vault: createKeyVault(masterKey),
    clock,
    signUp: mayPeopleSignUp(config),
    makeOrganization: (person: Newcomer) => makePrivateOrganization(execute, person),
  };
  const privateHosts = (config.federationPrivateIssuers ?? '').toLowerCase().split(',').filter(Boolean);
  return {
    federation: openFederation({ ...shared, privateHosts }),
    upstream: openUpstream(shared),
    letters: openLetters({ ...shared, site: urls.http, passwords: takesPasswords(config) }),
  };
}

/** Whether e-mail and password are taken: on a trial, elsewhere when the operator says so. */
export function takesPasswords({ passwords, ...config }: ServerConfig): boolean {
  return passwords === undefined ? isTrial(config) : passwords === 'on';
}

/** A trial on one machine takes everybody who reaches it; elsewhere the operator decides. */
function mayPeopleSignUp({ signUp, ...config }: ServerConfig): boolean {
  return signUp === undefined ? isTrial(config) : signUp === 'on';
}

/** Whether admins add strangers to organizations: it tells who has an account, so only on a trial and where the operator says so. */
export function mayAddAnybody({ addMembers, ...config }: ServerConfig): boolean {
  return addMembers === undefined ? isTrial(config) : addMembers === 'anybody';
}

/**
 * What becomes of letters. Operators read them where nobody else is: elsewhere who runs the platform would sign in as its
 * tenants by asking for a letter to them.
 */
export function lettersOf(config: ServerConfig): { sends: boolean; readable: boolean } {
  const sends = config.smtpUrl !== undefined;
  return { sends, readable: !sends && config.listen === 'localhost' && isTrial(config) };
}

/** Neither others reach it, nor does its data lie elsewhere: nobody runs it for anybody. */
function isTrial({ publicUrl, databaseUrl }: Pick<ServerConfig, 'publicUrl' | 'databaseUrl'>): boolean {
  return publicUrl === undefined && databaseUrl === undefined;
}
