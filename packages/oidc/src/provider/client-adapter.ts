import type { Database } from '@hexabase/postgres/database.ts';
import type { Adapter, AdapterPayload, Client as ProviderClient, Provider } from 'oidc-provider';
import { isClientSecret, isNative, isSameReturn, type Client } from '../clients/client.ts';
import { findClient } from '../clients/client-store.ts';

/** Reads clients as operators registered them, at every request: a change works at once, on every replica. */
export function clientAdapter(db: Pick<Database, 'asIdentity'>): Adapter {
  return {
    async find(id) {
      const client = await db.asIdentity((tx) => findClient(tx, id));
      return client ? metadataOf(client) : undefined;
    },
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    upsert: readOnly,
    consume: readOnly,
    destroy: readOnly,
    revokeByGrantId: readOnly,
  };
}

/** Has the provider compare secrets with their hashes, and redirect addresses by our rules. */
export function compareOurWay(provider: Provider): void {
  Object.assign(provider.Client.prototype, {
    compareClientSecret(this: ProviderClient, presented: string) {
      return this.clientSecret !== undefined && isClientSecret(this.clientSecret, presented);
    },
    redirectUriAllowed(this: ProviderClient, presented: string) {
      return isRegistered(this.redirectUris, presented, this);
    },
    postLogoutRedirectUriAllowed(this: ProviderClient, presented: string) {
      return isRegistered(this.postLogoutRedirectUris, presented, this);
    },
  });
}

/** A public client in a browser calls the token endpoint from its own pages, and from no others. */
export function isOwnOrigin(
  origin: string,
  client: Pick<ProviderClient, 'redirectUris' | 'clientAuthMethod'>,
) {
  if (client.clientAuthMethod !== 'none') return false;
  return (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin);
}

function isRegistered(
  uris: readonly string[] | undefined,
  presented: string,
  client: Pick<ProviderClient, 'applicationType'>,
): boolean {
  const native = client.applicationType === 'native';
  return (uris ?? []).some((uri) => isSameReturn(uri, presented, native));
}

function metadataOf(client: Client): AdapterPayload {
  const isPublic = client.secretHash === null;
  return {
    client_id: client.id,
    client_name: client.id,
    ...(!isPublic && { client_secret: client.secretHash ?? '' }),
    token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_basic',
    application_type: isNative(client) ? 'native' : 'web',
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    ...(client.backchannelLogoutUri !== null && {
      backchannel_logout_uri: client.backchannelLogoutUri,
      backchannel_logout_session_required: true,
    }),
  };
}

async function readOnly(): Promise<never> {
  throw new Error('clients are registered by operators only');
}
