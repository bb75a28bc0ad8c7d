import * as z from 'zod';

/** Audience of the product's own API. */
export const apiAudience = 'hexabase-api';

/** Audience of one workspace's API server. */
export function workspaceAudience(workspaceId: string): string {
  return `ws:${workspaceId}`;
}

/** Lifetime of access and workspace tokens, in seconds. */
export const accessTokenSeconds = 900;

const common = {
  iss: z.string(),
  sub: z.string().min(1),
  aud: z.string(),
  iat: z.number(),
  nbf: z.number().optional(),
  exp: z.number(),
  jti: z.string(),
  sid: z.string().min(1),
};

/** What an access token says. Only `uid` and `sid` are acted on; the rest is for the holder to read. */
export const accessClaims = z.object({
  ...common,
  typ: z.literal('access'),
  uid: z.string().min(1),
  email: z.string(),
  provider: z.string(),
  orgs: z.array(z.string()),
  workspaces: z.array(z.string()),
  perms: z.array(z.string()),
  fp: z.string().nullable(),
});

/** What a workspace token says (the token contract for tenant clusters). */
export const kubeClaims = z.object({
  ...common,
  typ: z.literal('kube'),
  email: z.string().min(3),
  email_verified: z.literal(true),
  groups: z.array(z.string()),
  ep: z.number().int(),
  /** Name of the API token that it was minted with, for the audit log. */
  api_token: z.string().optional(),
  /** By which somebody from outside the organization is let in, for the audit log. */
  access_grant: z.string().optional(),
});

export type AccessClaims = z.infer<typeof accessClaims>;
export type KubeClaims = z.infer<typeof kubeClaims>;
