import type { Change, Weakening } from '../weakening.ts';

/** Who may give roles in a project is not held against what they have themselves. */
const anyRoleIsGiven: Change = {
  file: 'packages/features/src/assignments/delegate.ts',
  find: 'return needed.length > 0 && needed.every(coveredBy(held)) ? held : null;',
  replace: 'return needed.length > 0 ? held : null;',
};

/** Checks on words, addresses and roles that give no right. */
export const rightsWeakenings: readonly Weakening[] = [
  {
    attack: 'A12 whether something exists cannot be told from signing in or asking for a slug',
    changes: [
      {
        file: 'packages/oidc/src/sessions/sign-in.ts',
        find: '  if (!found || !fits) {',
        replace: "  if (!found) throw new AppError('not_found');\n  if (!found || !fits) {",
      },
    ],
    because: 'an unknown address is refused in other words than a wrong password',
  },
  {
    attack: 'A13 what was refused never came to be',
    changes: [
      {
        file: 'packages/http/src/parse-input.ts',
        find: 'if (parsed.success) return refuseUnstorable(parsed.data);',
        replace: 'return refuseUnstorable(parsed.success ? parsed.data : value);',
      },
    ],
    because: 'what is not valid is made all the same',
  },
  {
    attack: 'A14 nobody raises themselves, removes the last owner or touches who stands above',
    changes: [
      {
        file: 'packages/authz/src/decide.ts',
        find: 'return rank[by] >= rank[role];',
        replace: 'return rank[by] > 0 || rank[role] > 0;',
      },
    ],
    because: 'an admin makes themselves owner',
  },
  {
    attack: 'A15 magic words and other kinds of credentials are refused',
    changes: [
      {
        file: 'packages/oidc/src/sessions/authenticate.ts',
        find: 'if (looksLikeApiToken(token)) return liveTokenOf(deps, token);',
        replace:
          "if (token.startsWith('dev_token_'))\n    return { sessionId: brandId('x'), userId: brandId('x'), email: 'x', displayName: 'x', platformRole: 'super_admin', epoch: 0, memberships: [], withheld: [] };\n  if (looksLikeApiToken(token)) return liveTokenOf(deps, token);",
      },
    ],
    because: 'tokens for development are taken, as in the product’s predecessor',
  },
  {
    attack: 'A15 words that look like API tokens open nothing',
    changes: [
      {
        file: 'packages/oidc/src/sessions/authenticate.ts',
        find: "if (hash === null) throw new AppError('unauthenticated');",
        replace:
          "if (hash === null)\n    return { sessionId: brandId('x'), userId: brandId('x'), email: 'x', displayName: 'x', platformRole: null, epoch: 0, memberships: [], withheld: [] };",
      },
    ],
    because: 'the prefix of a token is taken for a token',
  },
  {
    attack: 'A15 internal addresses are not on either public port',
    changes: [
      {
        file: 'packages/http/src/health.ts',
        find: "app.get('/health'",
        replace: "app.get('/internal', async () => ({}));\n  app.get('/health'",
      },
    ],
    because: 'an internal address is mounted on the public server',
  },
  {
    attack: 'A16 other spellings of an address of the API decide as the canonical one does, on both ports',
    changes: [
      {
        file: 'packages/http/src/mount-operations.ts',
        find: '  for (const { operation } of allOperations()) {',
        replace:
          "  app.get('/api/v1/workspaces/:id/', async () => ({ name: 'ann workspace' }));\n  for (const { operation } of allOperations()) {",
      },
    ],
    because: 'an address with another ending is answered without being asked who it is',
  },
  {
    attack: 'A16 the issuer’s addresses are in every answer, whatever host or proxy a request claims',
    changes: [
      {
        file: 'packages/oidc/src/provider/oidc-handler.ts',
        find: 'for (const name of forwardedHeaders) delete request.headers[name];',
        replace: '',
      },
    ],
    because: 'who asks chooses where API servers find the keys',
  },
  {
    attack:
      'A16 keys are named where API servers of tenants ask for them, to no other Host and with nothing else at that address',
    changes: [
      {
        file: 'packages/oidc/src/provider/provider-guards.ts',
        find: "return host.toLowerCase().replace(/:443$/, '') === new URL(origin).host;",
        replace: 'return host.toLowerCase().includes(new URL(origin).host);',
      },
    ],
    because: 'a name of the attacker’s passes for the one at which API servers ask',
  },
  {
    attack: 'A16 other names of the host are refused on both ports, also with a good token',
    changes: [
      { file: 'packages/http/src/security.ts', find: "throw new AppError('unknown_host');", replace: '' },
    ],
    because: 'a page of another name that resolves to us is answered',
  },
  {
    attack:
      'A16 other spellings of a cluster reach no other cluster and no right that the canonical one does not give',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if (claims.aud !== audience) throw new AppError('unauthenticated');",
        replace: '',
      },
    ],
    because: 'a token of any workspace is taken at every address',
  },
  {
    attack: 'A17 the header %s: %s changes nothing',
    changes: [
      {
        file: 'packages/http/src/mount-operations.ts',
        find: 'actor = await deps.authenticate(requestToken(request));',
        replace:
          "actor = request.headers['x-forwarded-user']\n      ? { userId: 'x', email: 'x', sessionId: 'x', platformRole: null, memberships: [] }\n      : await deps.authenticate(requestToken(request));",
      },
    ],
    because: 'whoever a header names is signed in',
  },
  {
    attack: 'A17 forwarded addresses and hosts reach neither the audit log nor what we write',
    changes: [
      {
        file: 'packages/kernel/src/client-address.ts',
        find: 'if (trusted === noProxies) return address;',
        replace: 'if (trusted === noProxies) trusted = { check: () => true };',
      },
    ],
    because: 'forwarded addresses of anybody are believed',
  },
  {
    attack: 'A18 an invitation lets in nobody but its reader, and the reader once',
    changes: [
      {
        file: 'packages/postgres/src/migrations/0045-invitations.ts',
        find: 'and u.id = person and u.email = i.email and u.disabled_at is null',
        replace: 'and u.id = person and u.disabled_at is null',
      },
    ],
    because: 'whoever has the code is let in',
  },
  {
    attack: 'A18 an invitation that was taken back, is too late or whose author left lets nobody in',
    changes: [
      {
        file: 'packages/postgres/src/migrations/0045-invitations.ts',
        find: 'and i.revoked_at is null and i.expires_at > at\n       returning',
        replace: 'and i.revoked_at is null\n       returning',
      },
    ],
    because: 'an invitation of long ago lets in',
  },
  {
    attack: 'A12 a job is told the same for an account that there is not, and for a person',
    changes: [
      {
        file: 'packages/oidc/src/federation/federation.ts',
        find: 'if (!first) throw refused();',
        replace: "if (!first) throw new GrantError('invalid_grant', 'There is no such account.');",
      },
    ],
    because: 'a stranger learns which accounts there are',
  },
  {
    attack:
      'A14 rules for jobs cannot be made for an account of another organization, or above one’s own role',
    changes: [
      {
        file: 'packages/authz/src/decide.ts',
        find: 'const isAllowed = roleActions[role].includes(action) && (!grant || grantMayDo(action));',
        replace: 'const isAllowed = roleActions[role].length > 0;',
      },
      {
        file: 'packages/features/src/federations/create.ts',
        find: 'requireRank(role, account.role);',
        replace: '',
      },
    ],
    because: 'a developer lets machines in as an admin',
  },
  {
    attack:
      'A14 gives nothing in another project, nothing in the whole workspace and nothing above their own',
    changes: [anyRoleIsGiven],
    because: 'whoever is in a project gives its roles',
  },
  {
    attack: 'A14 takes nothing back that lies elsewhere or has more than they have',
    changes: [anyRoleIsGiven],
    because: 'whoever is in a project gives its roles',
  },
  {
    attack: 'A14 does it neither by an API token, nor as a developer, nor after the role was taken',
    changes: [anyRoleIsGiven],
    because: 'whoever is in a project gives its roles',
  },
];
