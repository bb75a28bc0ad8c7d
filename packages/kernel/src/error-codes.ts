/**
 * The one catalogue of stable error codes: HTTP status and default sentence. Codes are public API: they are never
 * renamed or reused. `docs/generated/errors.md` is generated from this table.
 */
export const errorCodes = {
  malformed_json: { status: 400, message: 'The request body is not valid JSON.' },
  validation_failed: { status: 400, message: 'Some fields are not valid; details say which.' },
  unknown_field: { status: 400, message: 'The request has a field that does not exist.' },
  unknown_host: { status: 400, message: 'This server does not answer under that host name.' },
  unauthenticated: { status: 401, message: 'Sign in first, or send a valid access token.' },
  invalid_credentials: { status: 401, message: 'The e-mail address or the password is wrong.' },
  token_expired: { status: 401, message: 'The access token has expired; refresh it or sign in again.' },
  session_ended: { status: 401, message: 'This session has ended. Sign in again.' },
  refresh_reused: {
    status: 401,
    message: 'This refresh token was already used, so the session was ended for safety.',
  },
  forbidden: { status: 403, message: 'Your role does not allow this.' },
  escalation_refused: {
    status: 403,
    message: 'A role cannot allow what leads beyond your own rights; details say which rules.',
  },
  not_found: { status: 404, message: 'There is no such thing, or you may not know of it.' },
  method_not_allowed: { status: 405, message: 'This address does not take that method.' },
  conflict: { status: 409, message: 'This does not fit the current state.' },
  slug_taken: { status: 409, message: 'That slug is already taken; choose another or leave it out.' },
  already_exists: { status: 409, message: 'There is already one with that name.' },
  plan_limit_reached: { status: 409, message: 'The plan of the organization does not allow more.' },
  workspace_not_active: { status: 409, message: 'The workspace is not active.' },
  last_owner: { status: 409, message: 'An organization keeps at least one owner.' },
  organization_not_empty: { status: 409, message: 'The organization still has workspaces.' },
  stale_revision: { status: 412, message: 'It was changed since you read it; read it again and repeat.' },
  body_too_large: { status: 413, message: 'The request body is larger than this address takes.' },
  unsupported_media_type: { status: 415, message: 'Send JSON with Content-Type: application/json.' },
  idempotency_key_reused: { status: 422, message: 'This Idempotency-Key was used with another request.' },
  rate_limited: { status: 429, message: 'Too many requests; wait and try again.' },
  internal: { status: 500, message: 'Something went wrong on our side. The request id helps us to find it.' },
  not_built: { status: 501, message: 'This is not built yet.' },
  database_unavailable: {
    status: 503,
    message: 'The database does not answer right now; try again in a moment.',
  },
  storage_full: { status: 507, message: 'The disk is full; nothing was changed.' },
  cluster_unavailable: { status: 503, message: 'The cluster of this workspace does not answer right now.' },
  no_capacity: { status: 409, message: 'No host cluster has room for this workspace.' },
  unknown_region: { status: 400, message: 'There is no such region; details say which there are.' },
  host_cluster_not_empty: { status: 409, message: 'Workspaces still live on this host cluster.' },
  request_timeout: { status: 504, message: 'This took too long and was given up.' },
  second_factor_required: {
    status: 403,
    message: 'A second factor is asked for here; details say how to go on.',
  },
  fresh_sign_in_required: {
    status: 403,
    message: 'This is done only within five minutes of signing in. Sign in again.',
  },
  version_not_allowed: { status: 409, message: 'The workspace cannot go to that Kubernetes version.' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorCodes;
