import { resources } from './index.ts';
import type { Operation } from './operation.ts';
import type { Resource } from './resource.ts';

export interface ListedOperation {
  resource: Resource;
  operation: Operation;
}

/** Every operation of every resource, in the order of the contract. */
export function allOperations(): ListedOperation[] {
  return Object.values<Resource>(resources).flatMap((resource) =>
    Object.values(resource.operations).map((operation) => ({ resource, operation })),
  );
}

/** The names in a path, in order: `/workspaces/{id}/projects/{project}` gives `['id', 'project']`. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{([A-Za-z]+)\}/g)].flatMap((match) =>
    match[1] === undefined ? [] : [match[1]],
  );
}
