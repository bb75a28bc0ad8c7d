/** Refusals of the token endpoint: RFC 6749 §5.2 and RFC 8628 §3.5. */
export type GrantErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'expired_token';

const sentences: Record<GrantErrorCode, string> = {
  invalid_request: 'The request lacks something or repeats it.',
  invalid_client: 'There is no such client.',
  invalid_grant: 'The code is wrong, has expired or was already used.',
  unsupported_grant_type: 'Only authorization codes and device codes are taken here.',
  authorization_pending: 'Nobody has answered in the browser yet.',
  slow_down: 'Ask less often: wait five seconds more between two questions.',
  access_denied: 'The sign-in was refused in the browser.',
  expired_token: 'Nobody answered in the browser in time. Start again.',
};

/** Thrown by the grants; the HTTP side answers it in OAuth's shape. */
export class GrantError extends Error {
  readonly code: GrantErrorCode;

  constructor(code: GrantErrorCode, message: string = sentences[code]) {
    super(message);
    this.name = 'GrantError';
    this.code = code;
  }
}
