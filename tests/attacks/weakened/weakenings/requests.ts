import type { Weakening } from '../weakening.ts';

/** Checks on what comes in, what goes out and what is kept. */
export const requestsWeakenings: readonly Weakening[] = [
  {
    attack: 'C03 a client that hears of a logout gets the notice and nothing else of ours',
    changes: [
      {
        file: 'packages/oidc/src/provider/logout/send-notice.ts',
        find: '...(init.headers !== undefined && { headers: init.headers }),',
        replace: "headers: { authorization: 'Bearer internal', ...init.headers },",
      },
    ],
    because: 'a credential of ours goes along',
  },
  {
    attack:
      'C09 a name that every object has is a name like any other in roles: no fault, and no other meaning',
    changes: [
      {
        file: 'packages/contract/src/rules/known-resources.ts',
        find: '(Object.hasOwn(clusterWide, group) && clusterWide[group]?.includes(resource)) || false',
        replace: 'clusterWide[group]?.includes(resource) ?? false',
      },
    ],
    because: 'a role is answered with a fault of ours',
  },
  {
    attack: 'C09 a name that every object has is a name like any other in a cluster: no fault',
    changes: [
      {
        file: 'packages/kubernetes/src/validation/kinds/config.ts',
        find: 'Object.hasOwn(REQUIRED_KEYS, type) ? REQUIRED_KEYS[type] : undefined',
        replace: 'REQUIRED_KEYS[type]',
      },
    ],
    because: 'a Secret is answered with a fault of ours',
  },
  {
    attack: 'C05 shell, templates, line ends and patterns in names stay text, or are refused',
    changes: [
      { file: 'packages/features/src/run/slug.ts', find: ".replace(/[^a-z0-9]+/g, '-');", replace: ';' },
    ],
    because: 'a name is used as it was typed',
  },
  {
    attack: 'C07 too much depth is refused by the API and by clusters, and both live on',
    changes: [
      {
        file: 'packages/http/src/create-http.ts',
        find: "done(cause instanceof AppError ? cause : new AppError('malformed_json', { cause }));",
        replace: "done(cause instanceof Error ? cause : new Error('no JSON'));",
      },
    ],
    because: 'what cannot be read is a fault of ours',
  },
  {
    attack: 'C07 a body that is too large is refused before it is read',
    changes: [
      {
        file: 'packages/http/src/mount-operations.ts',
        find: 'bodyLimit: operation.bodyLimitBytes,',
        replace: 'bodyLimit: 1024 ** 3,',
      },
    ],
    because: 'a body of any size is waited for',
    hangs: true,
  },
  {
    attack: 'C07 what is small on the wire is not unpacked without a limit: gzip and YAML',
    changes: [
      {
        file: 'packages/kubernetes/src/schema/parse-body.ts',
        find: 'if (error instanceof BodyError) throw error;',
        replace: 'throw error;',
      },
    ],
    because: 'what the YAML reader gives up on is a fault of ours',
  },
  {
    attack: 'C07 connections that never finish keep nobody else out, and are let go in the end',
    changes: [
      {
        file: 'apps/server/src/listeners.ts',
        find: 'https.requestTimeout = http.server.requestTimeout = arrivalTimeoutMs;',
        replace: 'https.requestTimeout = http.server.requestTimeout = 0;',
      },
    ],
    because: 'a connection that never finishes stays for ever',
  },
  {
    attack: 'C08 what somebody typed stands as text on the pages, and no page allows a script',
    changes: [
      {
        file: 'packages/http/src/pages/html.ts',
        find: 'return text.replace(/[&<>"\']/g, (character) => names[character] ?? character);',
        replace: 'return names[text] ?? text;',
      },
    ],
    because: 'what somebody typed is part of the page',
  },
  {
    attack: 'C09 errors tell no inner workings, and carry the id of the request',
    changes: [
      {
        file: 'packages/http/src/request-errors.ts',
        find: '.send(errorEnvelope(known, request.id));',
        replace: ".send(errorEnvelope(known, ''));",
      },
    ],
    because: 'an error does not say which request it was',
  },
  {
    attack: 'C09 errors of clusters are Status objects without inner workings',
    changes: [
      {
        file: 'packages/kubernetes/src/api/http/decode-body.ts',
        find: 'if (error instanceof BodyError || error instanceof ProtobufError) throw badRequest(error.message);',
        replace: '',
      },
    ],
    because: 'a body that cannot be read is a fault of ours',
  },
  {
    attack: 'C10 no secret is in the log, in the metrics or in the audit log',
    changes: [
      {
        file: 'packages/oidc/src/sessions/sign-in.ts',
        find: "const details = { way: 'password' };",
        replace: "const details = { way: 'password', tried: credentials.password };",
      },
    ],
    because: 'the audit log holds mistyped passwords',
  },
  {
    attack: 'C11 a limit holds when 100 ask at once for the last place, and again after a place became free',
    changes: [
      {
        file: 'packages/features/src/organizations/public.ts',
        find: "seen.maxWorkspaces === null ? 'share' : 'update'",
        replace: "'share'",
      },
    ],
    because: 'many count at once, and each finds room',
  },
  {
    attack:
      'C12 an Idempotency-Key gives nobody another’s answer: not in another organization, not by another person',
    changes: [
      {
        file: 'packages/features/src/run/idempotency.ts',
        find: 'if (!stored || stored.hash !== hash || stored.operation !== call.operation.id)',
        replace: 'if (!stored)',
      },
    ],
    because: 'a key gives the first answer to whatever is asked',
  },
  {
    attack: 'C16 no password, token or key lies in the database in the clear',
    changes: [
      {
        file: 'packages/kernel/src/api-token.ts',
        find: "return { token, hash: hash('sha256', token, 'hex') };",
        replace: 'return { token, hash: token };',
      },
    ],
    because: 'tokens lie in the database as they are sent',
  },
  {
    attack: 'C16 sealed keys that are exchanged in the database are not opened',
    changes: [
      {
        file: 'packages/kernel/src/key-vault.ts',
        find: '      cipher.setAAD(Buffer.from(context));',
        replace: "      cipher.setAAD(Buffer.from('x'));",
      },
      {
        file: 'packages/kernel/src/key-vault.ts',
        find: 'decipher.setAAD(Buffer.from(context));',
        replace: "decipher.setAAD(Buffer.from('x'));",
      },
    ],
    because: 'sealed texts may be put anywhere',
  },
  {
    attack: 'C15 the roles that the product runs as cannot change or remove what the audit log says',
    changes: [
      {
        file: 'packages/postgres/src/migrations/0001-foundation.ts',
        find: "api: 'select, insert', worker: 'select, insert, update (sequence, hash)', identity: 'insert'",
        replace:
          "api: 'select, insert, update, delete', worker: 'select, insert, update (sequence, hash)', identity: 'insert'",
      },
    ],
    because: 'a request may rewrite what was recorded',
  },
  {
    attack: 'C01 an issuer that no operator allowed is not asked, even where it would answer',
    changes: [
      {
        file: 'packages/oidc/src/federation/safe-fetch.ts',
        find: 'get(url, allowed ? undefined : publicLookup)',
        replace: 'get(url, undefined)',
      },
      {
        file: 'packages/oidc/src/federation/safe-fetch.ts',
        find: 'if (!allowed && isIP(literal) !== 0 && !isPublicAddress(literal))',
        replace: 'if (!allowed && isIP(literal) > 6 && !isPublicAddress(literal))',
      },
    ],
    because: 'tenants make us call addresses inside',
  },
  {
    attack: 'C13 a flood refuses one session with Retry-After and leaves the others alone',
    changes: [
      {
        file: 'packages/http/src/rate-limit.ts',
        find: "throw new AppError('rate_limited', { details: { retryAfterSeconds } });",
        replace: '',
      },
    ],
    because: 'anybody asks as often as they like',
  },
  {
    attack: 'D21 metrics only with the token, under the agreed names',
    changes: [
      {
        file: 'packages/http/src/health.ts',
        find: 'requireMetricsAccess(request, deps.metricsAccess ?? { token: null, openOnLoopback: false });',
        replace: '',
      },
    ],
    because: 'anybody reads the metrics',
  },
  {
    attack: 'C11 is one of fifty at most, also when a hundred are asked for at once',
    changes: [
      {
        file: 'packages/features/src/tokens/issue.ts',
        find: 'const tokensMax = 50;',
        replace: 'const tokensMax = 50_000;',
      },
    ],
    because: 'tokens are without number',
  },
  {
    attack: 'C10 no token stands in the database: not in audit, idempotency or anywhere else',
    changes: [
      {
        file: 'packages/kernel/src/api-token.ts',
        find: "return { token, hash: hash('sha256', token, 'hex') };",
        replace: 'return { token, hash: token };',
      },
    ],
    because: 'tokens lie in the database as they are sent',
  },
  {
    attack: 'C09 %s is sent with headers that close it',
    changes: [{ file: 'packages/http/src/security.ts', find: 'reply.headers(headers);', replace: '' }],
    because: 'answers may be framed, guessed at and run',
  },
  {
    attack: 'C10 canaries in every body that can be written reach no audit entry, no log and no export',
    changes: [
      {
        file: 'packages/features/src/run/audit.ts',
        find: 'details: { ...trace.facts,',
        replace: 'details: { body: call.body, ...trace.facts,',
      },
    ],
    because: 'bodies are kept in the audit log',
  },
  {
    attack:
      'C10 canaries in objects, queries and commands for a cluster are not kept; what was asked of it is told',
    changes: [
      {
        file: 'packages/gateway/src/answer/access-entry.ts',
        find: '${passage.path.slice(0, pathMax)}`,',
        replace: '${passage.url}`,',
      },
    ],
    because: 'queries are kept in the audit log',
  },
  {
    attack:
      'C10 canaries in passwords, codes and tokens of signing in are kept nowhere, nor is a secret that is answered',
    changes: [
      {
        file: 'packages/oidc/src/sessions/sign-in.ts',
        find: "const details = { way: 'password' };",
        replace: "const details = { way: 'password', tried: credentials.password };",
      },
    ],
    because: 'the audit log holds mistyped passwords',
  },
];
