import type { Execute } from '@hexabase/contract/call.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { openUpstream, type Upstream } from '@hexabase/oidc/upstream/upstream.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { makePrivateOrganization } from './private-organization.ts';

interface Parts {
  config: ServerConfig;
  masterKey: Buffer;
  database: Pick<Database, 'asIdentity'>;
  clock: Clock;
  execute: Execute;
}

/** Signing in through the identity providers that operators have added. */
export function signInElsewhere({ config, masterKey, database, clock, execute }: Parts): Upstream {
  return openUpstream({
    db: database,
    vault: createKeyVault(masterKey),
    clock,
    signUp: mayPeopleSignUp(config),
    makeOrganization: (person) => makePrivateOrganization(execute, person),
  });
}

/** A trial on one machine takes everybody who reaches it; elsewhere the operator decides. */
function mayPeopleSignUp({ signUp, publicUrl, databaseUrl }: ServerConfig): boolean {
  return signUp === undefined ? publicUrl === undefined && databaseUrl === undefined : signUp === 'on';
}
