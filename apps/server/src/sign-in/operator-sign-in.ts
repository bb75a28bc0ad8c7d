import { startSignIn, updateCliConfig } from '@hexabase/client/config-file.ts';
import { deviceIdFor } from '@hexabase/client/device-id.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { newRefreshToken } from '@hexabase/oidc/sessions/issue-tokens.ts';
import { readProof } from '@hexabase/oidc/sessions/proof.ts';
import { insertSession } from '@hexabase/oidc/sessions/session-store.ts';
import { findUserByName } from '@hexabase/oidc/users.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { recordOperator } from '../operator/store.ts';

const contextName = 'local';

/**
 * Signs the command line of this machine in as somebody, on the word of whoever holds the data folder: the way in where
 * no password is taken and no identity provider is there yet. The session is listed and ended like any other. Throws
 * `StartError` for an account that there is not, or that is disabled.
 */
export async function signInAsOperator(
  database: Pick<Database, 'asIdentity'>,
  { email: asked, server, config }: { email: string; server: string; config: ServerConfig },
): Promise<void> {
  const nowMs = systemClock.now();
  const refresh = newRefreshToken();
  const path = config.configFile;
  const deviceId = await deviceIdFor(path, server);
  const email = await database.asIdentity(async (tx) => {
    const user = await findUserByName(tx, asked);
    if (!user || user.disabledAt !== null)
      throw new StartError(`There is no enabled account ${asked}; \`hexabase-cli user list\` shows them.`);
    const device = { userAgent: 'hexabase-cli', address: 'local', deviceId };
    const id = newId<'Session'>(nowMs);
    const proven = { userId: user.id, secondFactor: true, proof: await readProof(tx, user.id) };
    const session = { id, ...proven, device, refreshTokenHash: refresh.hash };
    const inserted = await insertSession(tx, session, { nowMs, sessionsMax: config.sessionsMax });
    if (inserted !== 'made')
      throw new StartError(`The account ${asked} was changed at this moment. Try again.`);
    const entry = {
      action: 'operator.user.sign-in',
      target: `user/${user.id}`,
      details: { email: user.email },
    };
    await recordOperator(tx, entry);
    return user.email;
  });
  await updateCliConfig(path, (settings) => {
    settings.currentContext = contextName;
    startSignIn({ path, config: settings }, contextName, {
      server,
      email,
      refreshToken: refresh.token,
      accessTokenExpiresAt: new Date(0).toISOString(),
    });
  });
}
