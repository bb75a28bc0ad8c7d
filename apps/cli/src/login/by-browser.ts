import type { Cli } from '../cli.ts';
import { createHash, randomBytes } from 'node:crypto';
import { CliError } from '../cli-error.ts';
import { listenForCallback, type LoopbackServer } from './loopback-server.ts';
import { openBrowser } from './open-browser.ts';
import { clientId, requestGrant, type Granted, type ServerForDevice } from './request-grant.ts';

/** As long as a person may take to find their password. */
const patienceMs = 10 * 60_000;

/**
 * Signs in with the browser of this computer: authorization code with PKCE S256, brought back to a port of this machine
 * (RFC 8252). Throws `CliError` when it was refused or nobody came back.
 */
export async function loginByBrowser(
  cli: Cli,
  at: ServerForDevice,
  browser: readonly string[],
): Promise<Granted> {
  const state = randomBytes(24).toString('base64url');
  const verifier = randomBytes(32).toString('base64url');
  await using loopback = await listenForCallback(state);
  const url = authorizeUrl(at.server, { state, verifier, redirectUri: loopback.redirectUri });
  const opened = await openBrowser(browser, url);
  cli.note(opened ? 'Your browser opens. If it does not, go to:' : 'No browser could be opened. Go to:');
  cli.note(`  ${url}`);
  const back = await comeBack(loopback, cli.signal);
  if (!('code' in back)) {
    await back.answer({ title: 'Not signed in', text: back.message });
    throw new CliError(`You are not signed in: ${back.message}`);
  }
  const redemption = {
    grant_type: 'authorization_code',
    code: back.code,
    redirect_uri: loopback.redirectUri,
    code_verifier: verifier,
  };
  const granted = await requestGrant(at, redemption, cli.signal).catch(async (error: unknown) => {
    await back.answer({ title: 'Not signed in', text: 'The terminal says why.' });
    throw error;
  });
  if ('refusal' in granted) {
    await back.answer({ title: 'Not signed in', text: granted.message });
    throw new CliError(`You are not signed in: ${granted.message} Start again with \`hks login\`.`);
  }
  await back.answer({ title: 'Signed in', text: 'hks is signed in. You can close this page.' });
  return granted;
}

function authorizeUrl(
  server: string,
  flow: { state: string; verifier: string; redirectUri: string },
): string {
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: flow.redirectUri,
    code_challenge: createHash('sha256').update(flow.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: flow.state,
  });
  return `${server}/auth/authorize?${query}`;
}

/** Timers and listeners of our own: a signal made of others may be collected before it fires. */
async function comeBack(
  loopback: LoopbackServer,
  signal: AbortSignal,
): Promise<Awaited<LoopbackServer['callback']>> {
  const given = Promise.withResolvers<never>();
  const interrupt = () => given.reject(new CliError('Interrupted: you are not signed in.', 130));
  const giveUp = () =>
    given.reject(
      new CliError('Nobody signed in within ten minutes. Start again, or use `hks login --device`.'),
    );
  const timer = setTimeout(giveUp, patienceMs);
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await Promise.race([loopback.callback, given.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
  }
}
