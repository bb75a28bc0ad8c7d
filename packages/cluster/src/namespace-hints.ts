import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';

export interface NamespaceHints {
  watch(changed: (workspaceId: WorkspaceId) => void): Disposable;
  /** Looks at one request on its way; tells the watchers when it was answered and may have made or deleted a namespace. */
  notice(workspaceId: WorkspaceId, request: IncomingMessage, response: ServerResponse): void;
}

const namespacePath = /^\/api\/v1\/namespaces(\/[^/?]+)?(\?|$)/;

/** Users reach a cluster only through its upstream: watching their requests costs a cluster at rest nothing. */
export function namespaceHints(): NamespaceHints {
  const watchers = new Set<(workspaceId: WorkspaceId) => void>();
  return {
    watch(changed) {
      watchers.add(changed);
      return { [Symbol.dispose]: () => void watchers.delete(changed) };
    },
    notice(workspaceId, { method, url }, response) {
      if (watchers.size === 0 || method === 'GET' || !namespacePath.test(url ?? '')) return;
      response.once('finish', () => {
        if (response.statusCode < 300) for (const changed of watchers) changed(workspaceId);
      });
    },
  };
}
