import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import {
  clientId,
  postForm,
  requestGrant,
  unexpected,
  type Granted,
  type Refused,
  type ServerForDevice,
} from './request-grant.ts';

const started = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string().optional(),
  expires_in: z.number(),
  interval: z.number().default(5),
});

/** RFC 8628 §3.5: so much longer after each `slow_down`, and here also after each poll that did not get through. */
const slowerSeconds = 5;

const sentences: Record<string, string> = {
  access_denied: 'The sign-in was refused in the browser. You are not signed in.',
  expired_token: 'Nobody answered in the browser in time. Start again with `hks login --device`.',
};

/**
 * Signs in with a browser anywhere else: shows an address and a code, and asks until somebody has answered (RFC 8628).
 * Throws `CliError` when it was refused or nobody answered.
 */
export async function loginByDevice(
  cli: Pick<Cli, 'note' | 'signal'>,
  at: ServerForDevice,
): Promise<Granted> {
  const asked = { client_id: clientId, device_name: hostname() };
  const { status, answer } = await postForm(`${at.server}/auth/device`, asked, cli.signal);
  const parsed = started.safeParse(answer);
  if (!parsed.success) throw unexpected(status, answer);
  const start = parsed.data;
  cli.note(`On any device, open ${start.verification_uri} and type the code`);
  cli.note(`\n  ${start.user_code}\n`);
  if (start.verification_uri_complete) cli.note(`or open ${start.verification_uri_complete}`);
  cli.note(`Waiting for up to ${Math.round(start.expires_in / 60)} minutes …`);
  return pollUntilAnswered(cli, {
    at,
    deviceCode: start.device_code,
    intervalSeconds: start.interval,
    expiresSeconds: start.expires_in,
  });
}

interface Polling {
  at: ServerForDevice;
  deviceCode: string;
  intervalSeconds: number;
  expiresSeconds: number;
}

async function pollUntilAnswered(cli: Pick<Cli, 'signal'>, polling: Polling): Promise<Granted> {
  const deadlineMs = Date.now() + polling.expiresSeconds * 1000;
  let { intervalSeconds } = polling;
  while (Date.now() < deadlineMs) {
    await pause(intervalSeconds * 1000, cli.signal);
    const polled = await poll(cli, polling);
    if (!('refusal' in polled)) return polled;
    if (polled.refusal === 'slow_down') intervalSeconds += slowerSeconds;
    else if (polled.refusal !== 'authorization_pending')
      throw new CliError(sentences[polled.refusal] ?? `You are not signed in: ${polled.message}`);
  }
  throw new CliError(sentences['expired_token'] ?? '');
}

async function poll(cli: Pick<Cli, 'signal'>, { at, deviceCode }: Polling): Promise<Granted | Refused> {
  try {
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: deviceCode };
    return await requestGrant(at, grant, cli.signal);
  } catch (error) {
    if (cli.signal.aborted) throw interrupted();
    // Exit code 2: not reached. The sign-in still waits on the server.
    if (error instanceof CliError && error.exitCode === 2)
      return { refusal: 'slow_down', message: error.message };
    throw error;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    throw interrupted();
  });
}

function interrupted(): CliError {
  return new CliError('Interrupted: you are not signed in.', 130);
}
