import { pathParameters } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';

/** The operation's path with ids of these things in it, by the names that paths give them; `none` for what is not there. */
export function addressIn({ path, target }: Operation, things: Readonly<Record<string, string>>): string {
  return pathParameters(path).reduce(
    (address, name) => address.replace(`{${name}}`, things[name === 'id' ? target : name] ?? 'none'),
    path,
  );
}
