import {
  findContext,
  readCliConfig,
  updateCliConfig,
  type CliConfig,
  type CliContext,
} from '@hexabase/client/config-file.ts';
import { deviceIdFor } from '@hexabase/client/device-id.ts';
import * as z from 'zod';
import { CliError, detailsText } from './cli-error.ts';
import { serverUrl } from './login/server-url.ts';

/** An access token is refreshed this long before it ends, so that it lives through the request. */
const marginMs = 60_000;

const tokens = z.object({ access_token: z.string(), refresh_token: z.string(), expires_at: z.string() });
const failure = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.looseObject({ ticket: z.string().optional() }).optional(),
  }),
});

export type Tokens = z.infer<typeof tokens> & {
  /** The cookie by which the server knows this machine from now on. */
  deviceCookie?: string;
};

/** The password was right, and the account asks for a second factor: the ticket is good for one more step. */
export class SecondFactorNeeded extends CliError {
  readonly ticket: string;

  constructor(message: string, ticket: string) {
    super(message);
    this.name = 'SecondFactorNeeded';
    this.ticket = ticket;
  }
}

/** The server takes no more for now: who comes again later is served, with the session that they have. */
class TooMany extends CliError {}

/** Which settings, and which context of them; the current one when `context` is null. */
export interface SessionPlace {
  configFile: string;
  context: string | null;
  /** An API token, which is used as it is. */
  token: string | null;
  server: string | null;
}

/** Name of the context that commands work in. */
export function contextName(
  place: Pick<SessionPlace, 'configFile' | 'context'>,
  config: CliConfig = readCliConfig(place.configFile),
): string {
  return place.context ?? config.currentContext;
}

/**
 * The context that commands work in. Throws `CliError` that says how to sign in when there is none, and where no address of a
 * server stands in it.
 */
export function currentContext(place: SessionPlace): CliContext {
  const context = chosenContext(place);
  const isGiven = place.token !== null && place.server !== null;
  const where = isGiven
    ? 'HKS_SERVER'
    : `The server of the context ${contextName(place)} in ${place.configFile}`;
  return { ...context, server: serverUrl(context.server, where) };
}

function chosenContext(place: SessionPlace): CliContext {
  const config = readCliConfig(place.configFile);
  const context = findContext(config, contextName(place, config));
  if (place.token !== null) return contextOfToken(place.server, context);
  if (context) return context;
  if (place.context !== null)
    throw new CliError(
      `You are not signed in as "${place.context}". Run \`hks login SERVER --context "${place.context}"\`.`,
    );
  throw new CliError('You are not signed in. Run `hks up` on this machine, or `hks login SERVER`.');
}

/** What was chosen for the person who signed in to this server goes for the token too. */
function contextOfToken(server: string | null, context: CliContext | undefined): CliContext {
  if (context && (server === null || server === context.server)) return context;
  if (server !== null) return { server };
  throw new CliError('HKS_TOKEN is set, and no server is known. Set HKS_SERVER to its address too.');
}

/**
 * A valid access token. One process refreshes at a time: the others wait for the lock and find the new token, so that
 * many commands at once never present one refresh token twice (which would end the session as stolen).
 */
export async function accessToken(place: SessionPlace, signal: AbortSignal): Promise<string> {
  if (place.token !== null) return place.token;
  const before = currentContext(place);
  if (isFresh(before) && before.accessToken) return before.accessToken;
  const config = await updateCliConfig(place.configFile, async (latest) => {
    const context = findContext(latest, contextName(place, latest));
    if (!context || isFresh(context)) return;
    await refresh(place.configFile, context, signal);
  });
  const after = findContext(config, contextName(place, config));
  if (!after?.accessToken) throw new CliError('Your session has ended. Sign in again with `hks login`.');
  return after.accessToken;
}

/** Tokens as the settings have them. */
export function contextTokens(fresh: Tokens) {
  return {
    accessToken: fresh.access_token,
    accessTokenExpiresAt: fresh.expires_at,
    refreshToken: fresh.refresh_token,
  };
}

/**
 * Sends an OAuth-shaped request (`/auth/login`, `/auth/refresh`) and reads the tokens. Throws `SecondFactorNeeded` when
 * one more step is asked.
 */
export async function requestTokens(
  url: string,
  body: Record<string, string>,
  { signal, deviceCookie }: { signal: AbortSignal; deviceCookie?: string | undefined },
): Promise<Tokens> {
  const response = await reach(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(deviceCookie && { cookie: deviceCookie }) },
    body: JSON.stringify(body),
    signal,
  });
  const answer: unknown = await response.json().catch(() => null);
  const given = response.headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
  const known = given.find((pair) => /^(__Host-)?hks-device=/.test(pair));
  if (response.ok) return { ...tokens.parse(answer), ...(known !== undefined && { deviceCookie: known }) };
  const refused = failure.safeParse(answer);
  const ticket = refused.data?.error.details?.ticket;
  if (refused.success && ticket !== undefined)
    throw new SecondFactorNeeded(refused.data.error.message, ticket);
  const Refusal = response.status === 429 ? TooMany : CliError;
  if (!refused.success) throw new Refusal(`The server answered ${response.status}.`);
  const { message, details } = refused.data.error;
  throw new Refusal(`${message}${detailsText(details ?? {})}`);
}

async function refresh(configFile: string, context: CliContext, signal: AbortSignal): Promise<void> {
  const { refreshToken } = context;
  if (!refreshToken) throw new CliError('Your session has ended. Sign in again with `hks login`.');
  try {
    const device_id = await deviceIdFor(configFile, context.server);
    const body = { refresh_token: refreshToken, device_id };
    Object.assign(
      context,
      contextTokens(await requestTokens(`${context.server}/auth/refresh`, body, { signal })),
    );
  } catch (error) {
    if (error instanceof CliError && error.exitCode === 1 && !(error instanceof TooMany)) {
      throw new CliError(
        `${error.message.replace(/ Sign in again\.$/, '')} Sign in again: \`hks login ${context.server}\`, or start \`hks up\` on this machine.`,
      );
    }
    throw error;
  }
}

function isFresh(context: CliContext): boolean {
  return Date.parse(context.accessTokenExpiresAt ?? '') - marginMs > Date.now();
}

/** `fetch` whose failure to connect is a sentence. */
export async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new CliError(
      `Cannot reach ${new URL(url).origin} (${why}). Is it running? \`hks status\` tells; \`hks up\` starts it.`,
      2,
    );
  }
}
