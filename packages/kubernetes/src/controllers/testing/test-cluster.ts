import { silentLogger } from '@hexabase/kernel/log.ts';
import type { ApiClient } from '../../api/client.ts';
import type { ApiDeps, ClusterApi } from '../../api/deps.ts';
import { createApiClient } from '../../runtime/api-client.ts';
import { findResource, servedResources } from '../../schema/catalog.ts';
import { createMemoryPersistence } from '../../store/persistence-memory.ts';
import { createStores } from '../../store/stores.ts';
import type { ClusterConfig, KubeObject, SimulatedNode } from '../../types.ts';
import { builtinControllers } from '../builtin.ts';
import type { Controller } from '../controller.ts';
import { startControllers, type Controllers } from '../runtime.ts';
import { createTimers } from '../timers.ts';

/** A cluster for tests, with its nodes: the real store and registry in memory, time that moves only when told, no simulated delays. */
export interface TestCluster extends AsyncDisposable {
  client: ApiClient;
  readonly controllers: Controllers;
  now(): number;
  /** Ends the controllers and starts all built-in ones over what is stored, as after a crash. */
  restart(): Promise<void>;
  /** Works until nothing is left to do now. */
  settle(): Promise<void>;
  /** Moves the clock, runs what became due on the way, and settles. */
  advance(ms: number): Promise<void>;
}

export interface TestClusterOptions {
  nodes?: readonly SimulatedNode[];
  controllers?: readonly Controller[];
  timeScale?: number;
  startMs?: number;
}

export const twoNodes: readonly SimulatedNode[] = ['node-a', 'node-b'].map((name) => ({
  name,
  cpuMilli: 4000,
  memoryMib: 8192,
  pods: 110,
}));

export async function testCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  let nowMs = options.startMs ?? Date.parse('2026-03-01T12:00:00Z');
  const clock = { now: () => nowMs };
  const stores = createStores({ persistence: createMemoryPersistence(), clock, log: silentLogger, base: [] });
  const config: ClusterConfig = {
    authorization: 'AlwaysAllow',
    nodes: options.nodes ?? twoNodes,
    basePath: '',
  };
  await stores.create('test', config);
  const opened = await stores.open('test');
  if (!opened) throw new Error('the test cluster did not open');
  const api: ClusterApi = {
    id: 'test',
    uid: opened.store.uid,
    store: opened.store,
    config,
    deps: testDeps(clock),
  };
  const client = createApiClient(api, 'system:kube-controller-manager');
  await client.create('/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const timers = createTimers(clock, () => () => undefined);
  const start = (running: readonly Controller[]): Controllers =>
    startControllers(
      client,
      {
        clock,
        log: silentLogger,
        config,
        caCertificate: 'test certificate',
        timeScale: options.timeScale ?? 0,
        timers,
      },
      running,
    );
  let controllers = start(options.controllers ?? builtinControllers);
  async function settle(): Promise<void> {
    for (let rounds = 0; rounds < 20_000; rounds++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (controllers.idle()) {
        // Anything planned for this very moment is part of now.
        const wakeMs = controllers.nextWakeMs();
        if (wakeMs === null || wakeMs > nowMs) return;
        timers.fire();
      }
    }
    throw new Error('the cluster does not settle');
  }
  await settle();
  return {
    client,
    get controllers() {
      return controllers;
    },
    async restart() {
      await controllers[Symbol.asyncDispose]();
      controllers = start(builtinControllers);
      await settle();
    },
    now: () => nowMs,
    settle,
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (
        let wakeMs = controllers.nextWakeMs();
        wakeMs !== null && wakeMs <= endMs;
        wakeMs = controllers.nextWakeMs()
      ) {
        nowMs = Math.max(nowMs, wakeMs);
        timers.fire();
        await settle();
      }
      nowMs = endMs;
      timers.fire();
      await settle();
    },
    async [Symbol.asyncDispose]() {
      await controllers[Symbol.asyncDispose]();
      opened[Symbol.dispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}

/** Messages of the events about an object, oldest first, with their reasons. */
export function eventsAbout(client: ApiClient, name: string): string[] {
  return client
    .list<KubeObject & { involvedObject?: { name?: string }; reason?: string; message?: string }>('/events')
    .filter(({ involvedObject }) => involvedObject?.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`);
}

function testDeps(clock: ApiDeps['clock']): ApiDeps {
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  return {
    clock,
    log: silentLogger,
    schema: {
      findResource,
      servedResources,
      applyDefaults: () => undefined,
      validateCreate: () => [],
      validateUpdate: () => [],
    },
    admit: (input) => Promise.resolve({ object: input.object }),
    authorize: () => ({ allowed: true, reason: '' }),
    checkEscalation: () => undefined,
    review: unused,
    streamPodLog: unused,
    podUsage: () => undefined,
    nodeUsage: () => undefined,
  };
}
