import { matrixText } from '@hexabase/authz/matrix.ts';

/** `docs/generated/authz.txt`: what each kind of caller gets from each operation. */
export function authorizationMatrix(): string {
  return matrixText();
}
