import type { Logger } from '@hexabase/kernel/log.ts';
import type { ApiClient } from '../api/client.ts';
import { StatusError } from '../api/status-error.ts';
import type { ClusterConfig, GroupResource } from '../types.ts';
import { builtinControllers } from './builtin.ts';
import type { Change, Context, Controller, ControllersDeps, Watch } from './controller.ts';
import { createOrphanIndex } from './orphans.ts';
import { createQueue } from './queue.ts';
import { storedResources } from './shared/stored-resources.ts';
import { sharedTimers } from './timers.ts';

/** The running controllers, scheduler and kubelets of one loaded cluster. */
export interface Controllers extends AsyncDisposable {
  /** Nothing is being worked on. Work planned for later does not count, see `nextWakeMs`. */
  idle(): boolean;
  /** Milliseconds since the epoch of the earliest planned work; a cluster that is idle till then can be unloaded. */
  nextWakeMs(): number | null;
  /** Takes over a changed configuration (nodes). */
  configure(config: ClusterConfig): void;
}

const CONCURRENCY = 16;

/** What a quota or a policy forbids will hardly be allowed a moment later; each try leaves an event. */
const FORBIDDEN_BACKOFF_MS = 2000;

/**
 * Starts everything that brings a cluster to its wanted state. Every existing object is visited once, so that after a
 * restart the cluster converges from wherever it was. Costs no timer while nothing is planned.
 */
export function startControllers(
  client: ApiClient,
  deps: ControllersDeps,
  controllers: readonly Controller[] = builtinControllers,
): Controllers {
  let config = deps.config;
  const table = dispatchTable(controllers);
  const log = deps.log.child({ cluster: client.clusterId });
  const queue = createQueue({
    clock: deps.clock,
    timers: deps.timers ?? sharedTimers(deps.clock),
    concurrency: CONCURRENCY,
    work: (item) => {
      const bar = item.indexOf('|');
      const controller = table.byName.get(item.slice(0, bar));
      return controller ? controller.reconcile(item.slice(bar + 1), context) : Promise.resolve();
    },
    failed: (item, error, attempt) => {
      const expected = error instanceof StatusError && error.status.code < 500;
      log[expected ? 'debug' : 'warn']({ item, attempt, err: error }, 'controller will try again');
      return error instanceof StatusError && error.status.code === 403 ? FORBIDDEN_BACKOFF_MS : undefined;
    },
  });
  const context: Context = {
    client: withQuietEvents(client, log),
    clock: deps.clock,
    log,
    caCertificate: deps.caCertificate,
    timeScale: deps.timeScale ?? 1,
    orphans: createOrphanIndex(),
    config: () => config,
    enqueue: (controller, key, afterMs) => queue.add(`${controller}|${key}`, afterMs),
  };
  const unsubscribe = client.store.subscribe('*', (event) => {
    const { key, object, previous, type } = event;
    dispatch(table, { resource: key.resource, object, previous, deleted: type === 'DELETED' }, context);
  });
  visitAll(table, context);
  return {
    idle: () => queue.idle(),
    nextWakeMs: () => queue.nextWakeMs(),
    configure(changed) {
      config = changed;
      context.enqueue('nodes', CLUSTER_KEY);
    },
    async [Symbol.asyncDispose]() {
      unsubscribe();
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** An event that cannot be written (its namespace is going away, a quota is used up) must not stop the work it tells of. */
function withQuietEvents(client: ApiClient, log: Logger): ApiClient {
  return {
    ...client,
    event: async (about, event) => {
      try {
        await client.event(about, event);
      } catch (error) {
        log.debug({ reason: event.reason, err: error }, 'event was not recorded');
      }
    },
  };
}

/** The key of work that concerns the cluster as a whole; enqueued once at start for controllers that watch `''`. */
export const CLUSTER_KEY = '/';

interface DispatchTable {
  byName: Map<string, Controller>;
  byResource: Map<GroupResource | '*', { controller: string; watch: Watch }[]>;
}

const tables = new WeakMap<readonly Controller[], DispatchTable>();

function dispatchTable(controllers: readonly Controller[]): DispatchTable {
  const known = tables.get(controllers);
  if (known) return known;
  const table: DispatchTable = { byName: new Map(), byResource: new Map() };
  for (const controller of controllers) {
    table.byName.set(controller.name, controller);
    for (const watch of controller.watches) {
      const entry = { controller: controller.name, watch };
      const entries = table.byResource.get(watch.resource);
      if (entries) entries.push(entry);
      else table.byResource.set(watch.resource, [entry]);
    }
  }
  tables.set(controllers, table);
  return table;
}

function dispatch(table: DispatchTable, change: Change, context: Context): void {
  context.orphans.note(change);
  for (const resource of [change.resource, '*'] as const) {
    for (const { controller, watch } of table.byResource.get(resource) ?? []) {
      for (const key of watch.keys(change, context)) context.enqueue(controller, key);
    }
  }
}

function visitAll(table: DispatchTable, context: Context): void {
  if (table.byName.has('nodes')) context.enqueue('nodes', CLUSTER_KEY);
  for (const resource of storedResources(context.client)) {
    const objects = context.client.store.list(resource).items;
    for (const object of objects)
      dispatch(table, { resource, object, previous: undefined, deleted: false }, context);
  }
}
