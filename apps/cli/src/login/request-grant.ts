import * as z from 'zod';
import { CliError } from '../cli-error.ts';
import { reach } from '../session.ts';

/** The client id of this program at every Hexabase server. */
export const clientId = 'hks';

const granted = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  expires_at: z.string(),
  user: z.object({ email: z.string() }),
});
const refused = z.object({ error: z.string(), error_description: z.string().optional() });
const failed = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** A server, and what this machine is to it. */
export interface ServerForDevice {
  server: string;
  deviceId: string;
}

export type Granted = z.infer<typeof granted>;

/** A refusal of the token endpoint, by OAuth's code. */
export interface Refused {
  refusal: string;
  message: string;
}

/** Asks `/auth/token`. Refusals of OAuth are answered; everything else throws a `CliError`. */
export async function requestGrant(
  { server, deviceId }: ServerForDevice,
  grant: Record<string, string>,
  signal: AbortSignal,
): Promise<Granted | Refused> {
  const { status, answer } = await postForm(
    `${server}/auth/token`,
    { client_id: clientId, device_id: deviceId, ...grant },
    signal,
  );
  const tokens = granted.safeParse(answer);
  if (status === 200 && tokens.success) return tokens.data;
  if (status === 429) return { refusal: 'slow_down', message: 'The server asks for patience.' };
  const refusal = refused.safeParse(answer);
  if (!refusal.success) throw unexpected(status, answer);
  const { error, error_description: description } = refusal.data;
  return { refusal: error, message: description ?? error };
}

/** Sends a form as OAuth wants it and reads the JSON that comes back. */
export async function postForm(
  url: string,
  fields: Record<string, string>,
  signal: AbortSignal,
): Promise<{ status: number; answer: unknown }> {
  const body = new URLSearchParams(fields);
  const response = await reach(url, { method: 'POST', body, signal });
  return { status: response.status, answer: await response.json().catch(() => null) };
}

/** What to say about an answer that fits nothing. */
export function unexpected(status: number, answer: unknown): CliError {
  const known = failed.safeParse(answer);
  if (known.success) return new CliError(known.data.error.message);
  return new CliError(`The server answered ${status} where a sign-in was expected. Is it a Hexabase server?`);
}
