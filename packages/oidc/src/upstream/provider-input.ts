import * as z from 'zod';
import { blockedPortOf } from '../clients/blocked-ports.ts';
import { isGroupValue } from './group-claim.ts';
import type { ProviderInput } from './provider-store.ts';

const githubIssuer = 'https://github.com';
const loopbackHttp = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?:\/|$)/;

/** https, or http on this machine for trying things out. */
const issuer = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .refine((url) => url.startsWith('https:') || isLoopbackHttp(url), 'must be https')
  .refine((url) => !/[?#]/.test(url), 'has no query and no fragment')
  .refine(
    (url) => blockedPortOf(new URL(url)) === null,
    'uses a port to which no browser and no server connects: choose another',
  );

const reference = z.string().min(1).max(120);

/** Which claim says somebody's groups, and what it means in one organization. */
const groupFields = z
  .strictObject({
    claim: z.string().regex(/^[\w.:/-]{1,200}$/, 'the name of one claim at the top of the token'),
    organization: reference,
    parent: reference.optional(),
    map: z
      .record(z.string().refine(isGroupValue, 'use at most 256 characters that can be seen'), reference)
      .refine((map) => Object.keys(map).length <= 500, 'map at most 500 values')
      .default({}),
  })
  .refine(({ parent, map }) => parent !== undefined || Object.keys(map).length > 0, {
    message: 'says where values go: a parent group, a map, or both',
  })
  .transform(({ parent = null, map, ...where }) => ({
    ...where,
    parent,
    map: Object.entries(map).map(([value, group]) => ({ value, group })),
  }));

/** A provider as an operator writes it down; presets fill in what is known of Google and GitHub. */
const providerFields = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'small letters, digits and dashes'),
    kind: z.enum(['oidc', 'google', 'github']).default('oidc'),
    label: z.string().min(1).max(60).optional(),
    issuer: issuer.optional(),
    clientId: z.string().min(1).max(500),
    clientSecret: z.string().min(1).max(2_000),
    scopes: z
      .string()
      .regex(/^[\w.:/-]+(?: [\w.:/-]+)*$/, 'separate them by spaces')
      .max(500)
      .optional(),
    secondFactor: z.enum(['ask', 'amr', 'given']).default('ask'),
    groups: groupFields.optional(),
  })
  .refine((fields) => fields.kind !== 'github' || fields.groups === undefined, {
    path: ['groups'],
    message: 'GitHub has no tokens with claims, so it says no groups',
  })
  .refine((fields) => fields.kind !== 'github' || fields.secondFactor !== 'amr', {
    path: ['secondFactor'],
    message: 'GitHub does not say how somebody signed in: use ask or given',
  });

export function isLoopbackHttp(url: string): boolean {
  return loopbackHttp.test(url);
}

/** Throws a `ZodError` that names what is wrong. */
export function readProvider(given: unknown, { fromFile }: { fromFile: boolean }): ProviderInput {
  const { kind, ...fields } = providerFields.parse(given);
  const shared = {
    name: fields.name,
    clientId: fields.clientId,
    clientSecret: fields.clientSecret,
    secondFactor: fields.secondFactor,
    groups: fields.groups ?? null,
    fromFile,
  };
  if (kind === 'github') {
    return {
      ...shared,
      kind,
      label: fields.label ?? 'GitHub',
      issuer: fields.issuer ?? githubIssuer,
      scopes: fields.scopes ?? 'read:user user:email',
    };
  }
  const preset = kind === 'google' ? 'https://accounts.google.com' : undefined;
  return {
    ...shared,
    kind: 'oidc',
    label: fields.label ?? (kind === 'google' ? 'Google' : fields.name),
    issuer: issuer.parse(fields.issuer ?? preset),
    scopes: withOpenid(fields.scopes ?? 'openid email profile'),
  };
}

function withOpenid(scopes: string): string {
  return scopes.split(' ').includes('openid') ? scopes : `openid ${scopes}`;
}
