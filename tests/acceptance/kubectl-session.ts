import { succeed } from './product.ts';
import { run, runUntil } from './programs.ts';

/** One kubectl with settings of its own, as somebody types it. */
export interface KubectlSession {
  /** The standard output; throws when kubectl fails. */
  kubectl(...args: string[]): Promise<string>;
  /** The standard error; throws when kubectl works. */
  fails(...args: string[]): Promise<string>;
  /** Interrupts it when its output matches; throws when that never happens. */
  untilSeen(until: RegExp, ...args: string[]): Promise<string>;
  /** The list that it answers as JSON. */
  json(...args: string[]): Promise<{ items: unknown[] }>;
}

/** More than what `kubectl --timeout` is told anywhere, so that kubectl itself says what did not come. */
const timeoutMs = 180_000;

/** `env` is asked at each call: a kubeconfig may be made meanwhile. */
export function kubectlSession(path: string, env: () => NodeJS.ProcessEnv): KubectlSession {
  const kubectl = async (...args: string[]): Promise<string> =>
    succeed(await run(path, args, { env: env(), timeoutMs }));
  return {
    kubectl,
    async fails(...args) {
      const { code, stdout, stderr } = await run(path, args, { env: env(), timeoutMs });
      if (code === 0) throw new Error(`worked although it must not: ${stdout}`);
      return stderr;
    },
    untilSeen: (until, ...args) => runUntil(path, args, { env: env(), until }),
    json: async (...args) => JSON.parse(await kubectl(...args, '-o', 'json')) as { items: unknown[] },
  };
}
