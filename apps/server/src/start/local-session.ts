import {
  ConfigFileError,
  startSignIn,
  updateCliConfig,
  type CliContext,
} from '@hexabase/client/config-file.ts';
import { deviceIdFor } from '@hexabase/client/device-id.ts';
import { LockError } from '@hexabase/client/file-lock.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import type { Identity } from '@hexabase/oidc/identity.ts';
import type { TokenSet } from '@hexabase/oidc/sessions/issue-tokens.ts';

const contextName = 'local';

interface Place {
  configFile: string;
  server: string;
}

/**
 * Leaves a live session for the command line in its settings file, so that whoever started the server is signed in. A
 * session that still works is kept, and so is anybody else's at the same server. An owner with a second factor signs in
 * by themselves: nothing passes it by. Answers in words why the settings cannot be used: no reason not to serve, and
 * the owner's password has still to be told.
 */
export async function storeLocalSession(
  identity: Identity,
  owner: { userId: UserId; email: string },
  at: Place,
): Promise<string | null> {
  try {
    await store(identity, owner, at);
    return null;
  } catch (error) {
    if (error instanceof ConfigFileError || error instanceof LockError || isSystemError(error)) {
      return error.message;
    }
    throw error;
  }
}

/** No room, no right, a file system that only reads. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

async function store(identity: Identity, owner: { userId: UserId; email: string }, at: Place): Promise<void> {
  const path = at.configFile;
  const deviceId = await deviceIdFor(path, at.server);
  await updateCliConfig(path, async (config) => {
    const before = config.contexts[contextName];
    config.currentContext = contextName;
    if (before?.server === at.server && (await works(identity, before, deviceId))) return;
    const tokens = await startOwnersSession(identity, owner.userId, deviceId);
    if (!tokens) return;
    startSignIn({ path, config }, contextName, {
      ...(before?.server === at.server ? before : {}),
      server: at.server,
      email: owner.email,
      accessToken: tokens.accessToken,
      accessTokenExpiresAt: tokens.expiresAt,
      refreshToken: tokens.refreshToken,
    });
  });
}

async function startOwnersSession(
  identity: Identity,
  userId: UserId,
  deviceId: string,
): Promise<TokenSet | null> {
  const device = { userAgent: 'hks up', address: 'local', deviceId };
  try {
    return await identity.startSession(userId, device);
  } catch (error) {
    if (isAppError(error, 'second_factor_required')) return null;
    // The account is disabled, which is no reason not to serve everybody else.
    if (isAppError(error, 'invalid_credentials')) return null;
    throw error;
  }
}

/** An expired access token is refreshed to find out: the refresh token alone does not tell whether its session lives. */
async function works(identity: Identity, context: CliContext, deviceId: string): Promise<boolean> {
  try {
    await identity.authenticate(context.accessToken ?? '');
    return true;
  } catch (error) {
    if (!isAppError(error, 'token_expired')) return false;
  }
  return refresh(identity, context, deviceId);
}

async function refresh(identity: Identity, context: CliContext, deviceId: string): Promise<boolean> {
  try {
    const tokens = await identity.refresh({ refreshToken: context.refreshToken ?? '', deviceId });
    context.accessToken = tokens.accessToken;
    context.accessTokenExpiresAt = tokens.expiresAt;
    context.refreshToken = tokens.refreshToken;
    return true;
  } catch {
    return false;
  }
}
