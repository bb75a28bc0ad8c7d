import * as z from 'zod';
import type { ExternalPerson } from './exchange.ts';

const answerMs = 10_000;

const account = z.object({ id: z.number().int().positive(), login: z.string(), name: z.string().nullish() });
const addresses = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/** GitHub speaks OAuth 2 without discovery and without ID tokens: its addresses are known. */
export function githubServer(site: string): {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
} {
  const oauth = new URL('/login/oauth', site).href;
  return {
    issuer: oauth,
    authorization_endpoint: `${oauth}/authorize`,
    token_endpoint: `${oauth}/access_token`,
  };
}

/** The account by its number, which is never given away again as names are, and its primary address if verified. */
export async function githubPerson(site: string, accessToken: string): Promise<ExternalPerson> {
  const api =
    new URL(site).hostname === 'github.com' ? 'https://api.github.com' : new URL('/api/v3', site).href;
  const [user, emails] = await Promise.all([
    ask(`${api}/user`, accessToken),
    ask(`${api}/user/emails`, accessToken),
  ]);
  const { id, login, name } = account.parse(user);
  const primary = addresses.parse(emails).find((address) => address.primary && address.verified);
  const email = primary?.email ?? null;
  return { subject: String(id), email, displayName: name ?? login, saysTwoFactors: false };
}

async function ask(url: string, accessToken: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${accessToken}`,
      'user-agent': 'hexabase-ai',
      'x-github-api-version': '2022-11-28',
    },
    redirect: 'error',
    signal: AbortSignal.timeout(answerMs),
  });
  if (!response.ok) throw new Error(`GitHub answered ${response.status}`);
  return response.json();
}
