import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

export interface RealProvider {
  url: string;
  close(): void;
}

export interface RealProviderSettings {
  /** Of the server whose people sign in here. */
  origin: string;
  /** Under which that server may know this provider. */
  names: readonly string[];
  /** Who sits there, with all that is said of them. */
  who(): { sub: string };
}

/** A certified OpenID provider whose people say yes to everything. */
export async function startRealProvider({ origin, names, who }: RealProviderSettings): Promise<RealProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the provider has no port');
  const url = `http://127.0.0.1:${address.port}`;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: 'hexabase',
        client_secret: 'a secret of the client',
        redirect_uris: names.map((name) => `${origin}/auth/idp/${name}/callback`),
      },
    ],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/answer/${uid}` },
    findAccount: (_context, sub) => ({ accountId: sub, claims: async () => ({ ...who(), sub }) }),
  });
  const serve = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/answer/')) return void serve(request, response);
    void (async () => {
      const { params } = await provider.interactionDetails(request, response);
      const { sub } = who();
      const grant = new provider.Grant({ accountId: sub, clientId: String(params['client_id']) });
      grant.addOIDCScope('openid email profile groups');
      const result = { login: { accountId: sub }, consent: { grantId: await grant.save() } };
      await provider.interactionFinished(request, response, result);
    })();
  });
  return { url, close: () => void server.close() };
}

/** Goes there as a browser does, and answers the query with which it is sent back to the origin. */
export async function awayAtProvider(url: string, origin: string): Promise<string> {
  const cookies = new Map<string, string>();
  let at = url;
  while (!at.startsWith(origin)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(at, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const next = response.headers.get('location');
    if (next === null) throw new Error(`the provider stopped: ${response.status} ${await response.text()}`);
    at = new URL(next, at).href;
  }
  return new URL(at).search.slice(1);
}
