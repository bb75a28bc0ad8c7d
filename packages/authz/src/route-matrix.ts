/**
 * Who calls a route that is not made from an operation of the contract. `own`: with what was given to them for it (a session, a
 * form that their browser opened, a code, a client's secret); `another`: just so, but what they name is somebody else's;
 * `api-token`, `expired`, `ended`: with an API token, one that is too old, one whose session has ended or which was used
 * up, in the place of theirs.
 */
export const routeCallers = ['anonymous', 'own', 'another', 'api-token', 'expired', 'ended'] as const;
export type RouteCaller = (typeof routeCallers)[number];

/** How a route says no: in the envelope of the API, in OAuth's words, on a page, or in the `Status` of Kubernetes. */
export type RefusalShape = 'envelope' | 'oauth' | 'page' | 'status';

export interface RouteRow {
  /** Method and address, as it is registered. */
  route: string;
  /** Exact status for each caller, in the order of `routeCallers`. */
  statuses: readonly [number, number, number, number, number, number];
  refusal: RefusalShape;
  /** What is not plain from the statuses. */
  note?: string;
}

type Statuses = RouteRow['statuses'];

/** What it answers does not depend on who asks. */
const anybody = (status: number): Statuses => [status, status, status, status, status, status];
/** For whoever is signed in. */
const signedIn = (status: number, apiToken = status): Statuses => [401, status, status, apiToken, 401, 401];
/** For the browser that opened the form. */
const ownForm = (status: number): Statuses => [403, status, 403, 403, 403, 403];

/** Every route outside of the contract; tests execute each cell against the started product. */
export const routeMatrix: readonly RouteRow[] = [
  { route: 'GET /', statuses: anybody(200), refusal: 'page' },
  { route: 'GET /docs', statuses: anybody(200), refusal: 'page' },
  { route: 'GET /openapi.json', statuses: anybody(200), refusal: 'envelope' },
  { route: 'GET /health', statuses: anybody(200), refusal: 'envelope' },
  { route: 'GET /ready', statuses: anybody(200), refusal: 'envelope' },
  {
    route: 'GET /metrics',
    statuses: anybody(200),
    refusal: 'envelope',
    note: 'on a trial, from this machine; elsewhere 401 without the token for it',
  },
  { route: 'GET /api/v1/events/stream', statuses: signedIn(200), refusal: 'envelope' },
  { route: 'GET /auth/me', statuses: signedIn(200), refusal: 'envelope' },
  { route: 'GET /api/v1/auth/validate', statuses: signedIn(200), refusal: 'envelope' },
  { route: 'GET /api/v1/auth/sessions', statuses: signedIn(200, 403), refusal: 'envelope' },
  {
    route: 'DELETE /api/v1/auth/sessions/:id',
    statuses: [401, 204, 404, 403, 401, 401],
    refusal: 'envelope',
  },
  {
    route: 'POST /auth/password',
    statuses: [401, 204, 401, 403, 401, 401],
    refusal: 'envelope',
    note: 'another: signed in, with somebody else’s password as the current one',
  },
  { route: 'POST /auth/login', statuses: anybody(200), refusal: 'envelope', note: 'with the password' },
  {
    route: 'POST /auth/second-factor',
    statuses: [400, 200, 401, 401, 401, 401],
    refusal: 'envelope',
    note: 'another: with the code of their own app',
  },
  {
    route: 'POST /auth/refresh',
    statuses: [400, 200, 401, 401, 401, 401],
    refusal: 'envelope',
    note: 'another: from another device',
  },
  {
    route: 'POST /auth/logout',
    statuses: [401, 204, 204, 401, 401, 204],
    refusal: 'envelope',
    note: 'each ends the session of the token that they bring; one that has ended stays so',
  },
  { route: 'POST /auth/device', statuses: anybody(200), refusal: 'oauth' },
  {
    route: 'POST /auth/token',
    statuses: [400, 200, 400, 400, 400, 400],
    refusal: 'oauth',
    note: 'another: with a code verifier of their own',
  },
  { route: 'GET /auth/authorize', statuses: anybody(200), refusal: 'page' },
  { route: 'POST /auth/authorize', statuses: ownForm(303), refusal: 'page' },
  { route: 'GET /device', statuses: anybody(200), refusal: 'page' },
  { route: 'POST /device', statuses: ownForm(200), refusal: 'page' },
  { route: 'POST /device/decision', statuses: ownForm(200), refusal: 'page' },
  {
    route: 'GET /auth/passkey',
    statuses: [404, 200, 404, 404, 404, 404],
    refusal: 'page',
    note: 'another: in another browser than the first',
  },
  {
    route: 'POST /auth/passkey',
    statuses: ownForm(400),
    refusal: 'page',
    note: 'own: asked again, for what the browser signed is none; tests/attacks/second-factor.test.ts adds one',
  },
  { route: 'GET /auth/reset', statuses: anybody(200), refusal: 'page' },
  { route: 'POST /auth/reset', statuses: ownForm(200), refusal: 'page' },
  { route: 'GET /auth/sign-up', statuses: anybody(200), refusal: 'page' },
  { route: 'POST /auth/sign-up', statuses: ownForm(200), refusal: 'page' },
  { route: 'GET /auth/finish', statuses: [404, 200, 404, 404, 404, 404], refusal: 'page' },
  { route: 'POST /auth/finish', statuses: ownForm(200), refusal: 'page' },
  { route: 'GET /auth/idp/:name', statuses: anybody(303), refusal: 'page' },
  {
    route: 'GET /auth/idp/:name/callback',
    statuses: anybody(403),
    refusal: 'page',
    note: 'own: the provider has said no, and the page says so; what it confirms is in packages/oidc/src/upstream',
  },
  { route: 'GET /oidc/interaction/:uid', statuses: [404, 200, 404, 404, 404, 404], refusal: 'page' },
  { route: 'POST /oidc/interaction/:uid', statuses: ownForm(303), refusal: 'page' },
  { route: '* /oidc/*', statuses: anybody(404), refusal: 'envelope', note: 'an address that is none' },
  { route: 'GET /oidc/.well-known/openid-configuration', statuses: anybody(200), refusal: 'oauth' },
  { route: 'GET /oidc/jwks', statuses: anybody(200), refusal: 'oauth' },
  { route: 'GET /oidc/auth', statuses: anybody(303), refusal: 'oauth' },
  {
    route: 'GET /oidc/auth/:uid',
    statuses: [400, 303, 303, 400, 400, 400],
    refusal: 'oauth',
    note: 'another goes on with what their own browser began, whatever the address says',
  },
  {
    route: 'POST /oidc/token',
    statuses: [400, 200, 400, 400, 400, 400],
    refusal: 'oauth',
    note: 'a client and a refresh token; another: of another client',
  },
  { route: 'GET /oidc/me', statuses: [401, 200, 200, 401, 401, 401], refusal: 'oauth' },
  {
    route: 'POST /oidc/token/introspection',
    statuses: [400, 200, 200, 400, 400, 400],
    refusal: 'oauth',
    note: 'another is told that it is not active; the rest: bearers that are no clients',
  },
  {
    route: 'POST /oidc/token/revocation',
    statuses: [400, 200, 200, 400, 400, 400],
    refusal: 'oauth',
    note: 'another’s stays; the rest: bearers that are no clients',
  },
  { route: 'POST /oidc/device/auth', statuses: [400, 200, 200, 400, 400, 400], refusal: 'oauth' },
  { route: 'POST /oidc/request', statuses: [401, 201, 400, 400, 400, 400], refusal: 'oauth' },
  { route: 'GET /oidc/device/:uid', statuses: [400, 303, 400, 400, 400, 400], refusal: 'oauth' },
  { route: 'GET /oidc/device', statuses: anybody(200), refusal: 'oauth' },
  { route: 'POST /oidc/device', statuses: [400, 200, 400, 400, 400, 400], refusal: 'oauth' },
  { route: 'GET /oidc/session/end', statuses: anybody(200), refusal: 'oauth' },
  { route: 'POST /oidc/session/end/confirm', statuses: [400, 303, 400, 400, 400, 400], refusal: 'oauth' },
  { route: 'GET /oidc/session/end/success', statuses: anybody(200), refusal: 'oauth' },
];

/**
 * What the https port answers beside the routes of the API: the way to clusters. `own`: with a token for the workspace in
 * the address; `another`: with one for theirs; `expired` and `ended`: with such a token of one's own. What it lets somebody
 * do there, the cluster decides.
 */
export const gatewayMatrix: readonly RouteRow[] = [
  { route: '* /k8s/workspaces/*', statuses: [401, 200, 401, 401, 401, 401], refusal: 'status' },
  {
    route: 'UPGRADE /k8s/workspaces/*',
    statuses: [401, 501, 401, 401, 401, 401],
    refusal: 'status',
    note: 'own: the cluster is asked, and one of the built-in driver runs no containers',
  },
];

/** The rows as aligned text, for `docs/generated/authz.txt`. */
export function routeMatrixText(): string {
  const rows = [...routeMatrix, ...gatewayMatrix].map(({ route, statuses, note = '' }) => [
    route,
    ...statuses.map(String),
    note,
  ]);
  const table = [['ROUTE', ...routeCallers.map((caller) => caller.toUpperCase()), ''], ...rows];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
