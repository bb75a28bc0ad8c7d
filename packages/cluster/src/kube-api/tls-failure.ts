/** Codes of node's TLS layer for a certificate that was not accepted. */
const untrusted = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

/** Whether a connection failed because the certificate at its other end is not to be trusted. */
export function isUntrusted(cause: unknown): boolean {
  return untrusted.test(saidBy(cause).code);
}

/** Node's code and words for a connection that failed; the code is '' where there is none. */
export function saidBy(cause: unknown): { code: string; words: string } {
  return {
    code: cause instanceof Error && 'code' in cause ? String(cause.code) : '',
    words: cause instanceof Error ? cause.message : String(cause),
  };
}
