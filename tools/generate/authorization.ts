import { matrixText } from '@hexabase/authz/matrix.ts';
import { routeMatrixText } from '@hexabase/authz/route-matrix.ts';

/** `docs/generated/authz.txt`: what each kind of caller gets from each operation, and from each route beside them. */
export function authorizationMatrix(): string {
  return `${matrixText()}\n${routeMatrixText()}`;
}
