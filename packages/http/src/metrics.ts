import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** The numbers of one process, in a registry of their own. Names are those that dashboards and alerts use. */
export interface Metrics {
  registry: Registry;
  observeRequest(request: ObservedRequest): void;
  countWorkspaceCreated(labels: { plan: string }): void;
}

export interface ObservedRequest {
  method: string;
  /** The route's pattern, never the address itself: ids would make endless series. */
  route: string;
  status: number;
  seconds: number;
  /** Id of the contract's operation, when it is one. */
  operation: string | null;
}

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `countActiveWorkspaces` is asked on each scrape. */
export function createMetrics(countActiveWorkspaces: () => Promise<number>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'HTTP requests.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
    registers,
  });
  const apiCalls = new Counter({
    name: 'hexabase_api_calls_total',
    help: 'Calls of API operations.',
    labelNames: ['operation', 'status'],
    registers,
  });
  const apiDurations = new Histogram({
    name: 'hexabase_api_request_duration_seconds',
    help: 'Time of API operations.',
    labelNames: ['operation', 'status'],
    buckets: requestBuckets,
    registers,
  });
  const created = new Counter({
    name: 'hexabase_workspaces_created_total',
    help: 'Workspaces created.',
    labelNames: ['plan'],
    registers,
  });
  new Gauge({
    name: 'hexabase_active_workspaces',
    help: 'Workspaces in phase active.',
    registers,
    async collect() {
      this.set(await countActiveWorkspaces());
    },
  });
  return {
    registry,
    observeRequest({ method, route, status, seconds, operation }) {
      requests.inc({ method, route, status });
      durations.observe({ method, route, status }, seconds);
      if (operation === null) return;
      apiCalls.inc({ operation, status });
      apiDurations.observe({ operation, status }, seconds);
    },
    countWorkspaceCreated: (labels) => created.inc(labels),
  };
}
