import { startControllers } from '../controllers/runtime.ts';
import type { ClusterApi } from '../api/deps.ts';
import { createApiClient } from './api-client.ts';
import type { Companion } from './cluster-pool.ts';

export interface CompanionOptions {
  caCertificate: string;
  /** Multiplies simulated delays. */
  timeScale: number;
}

/** Who controllers are in events and audit. */
const controllerUser = 'system:kube-controller-manager';

/** Controllers, scheduler and kubelets of one loaded cluster. */
export function startCompanion(api: ClusterApi, { caCertificate, timeScale }: CompanionOptions): Companion {
  const { clock, log } = api.deps;
  const controllers = startControllers(createApiClient(api, controllerUser), {
    clock,
    log,
    config: api.config,
    caCertificate,
    timeScale,
  });
  return {
    idle: () => controllers.idle(),
    nextWakeMs: () => controllers.nextWakeMs(),
    configure: () => controllers.configure(api.config),
    [Symbol.asyncDispose]: () => controllers[Symbol.asyncDispose](),
  };
}

/** A cluster where nobody acts on objects. */
export const noCompanion: Companion = {
  idle: () => true,
  nextWakeMs: () => null,
  configure: () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
