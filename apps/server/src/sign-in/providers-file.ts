import { readFileSync } from 'node:fs';
import { parseYamlWithSecrets } from '@hexabase/kernel/text/yaml-with-secrets.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { readProvider } from '@hexabase/oidc/upstream/provider-input.ts';
import {
  listProviders,
  saveProvider,
  switchProvider,
  type ProviderInput,
} from '@hexabase/oidc/upstream/provider-store.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import * as z from 'zod';
import { StartError } from '../lifecycle/data-folder.ts';

const content = z.strictObject({ providers: z.array(z.unknown()) });

interface Parts {
  database: Pick<Database, 'asIdentity'>;
  vault: KeyVault;
  clock: Clock;
  log: Logger;
  /** Undefined where providers are only managed by commands. */
  file: string | undefined;
}

/**
 * Brings the identity providers to what the operator's file says. One that has gone from the file is disabled and keeps
 * its links; those that were added by command stay as they are. Throws `StartError` for a file that cannot be used.
 */
export async function applyProvidersFile({ database, vault, clock, log, file }: Parts): Promise<void> {
  if (file === undefined) return;
  const wanted = readProvidersFile(file);
  const names = new Set(wanted.map(({ name }) => name));
  await database.asIdentity(async (tx) => {
    for (const input of wanted) {
      const { bound } = await saveProvider(tx, vault, { input, nowMs: clock.now() });
      // Not a reason not to start: an owner of that organization may have deleted it.
      if (!bound)
        log.warn(
          { provider: input.name, organization: input.groups?.organization },
          'the organization for the groups of an identity provider is not there: none are imported',
        );
      await switchProvider(tx, input.name, true);
    }
    const gone = (await listProviders(tx)).filter((found) => found.fromFile && !names.has(found.name));
    for (const { name } of gone) await switchProvider(tx, name, false);
  });
  log.info({ providers: [...names] }, 'identity providers were read from the file');
}

function readProvidersFile(file: string): ProviderInput[] {
  try {
    const { providers } = content.parse(parseYamlWithSecrets(readFileSync(file, 'utf8')));
    return providers.map((provider) => readProvider(provider, { fromFile: true }));
  } catch (error) {
    // Never the text itself: it holds secrets.
    const reason =
      error instanceof z.ZodError
        ? z.prettifyError(error)
        : error instanceof Error && 'code' in error
          ? String(error.code)
          : 'it is not valid YAML';
    throw new StartError(`The file of identity providers ${file} cannot be used: ${reason}`);
  }
}
