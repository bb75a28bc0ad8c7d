import { badRequest } from '../errors.ts';

/** Where a paged list goes on. */
export interface ContinueToken {
  revision: number;
  namespace: string;
  name: string;
}

/** Opaque to clients: base64url of JSON. */
export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(
    JSON.stringify({ v: 1, rv: token.revision, ns: token.namespace, n: token.name }),
  ).toString('base64url');
}

/** Throws 400 for what is no token of ours. */
export function decodeContinue(text: string): ContinueToken {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null && 'rv' in value && 'ns' in value && 'n' in value) {
      const { rv, ns, n } = value;
      if (typeof rv === 'number' && typeof ns === 'string' && typeof n === 'string')
        return { revision: rv, namespace: ns, name: n };
    }
  } catch {
    // Not JSON: refused below like any other foreign text.
  }
  throw badRequest('continue key is not valid');
}
