import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtClient } from './built-client.ts';

/** The real kubelogin (`kubectl oidc-login`); '' without one. */
export const kubeloginPath = builtClient('kubelogin', 'HKS_TEST_KUBELOGIN');

/** A person's machine: kubectl with the plugin, a home of their own, and a "browser" that writes down what it was to open. */
export interface Desk {
  env: NodeJS.ProcessEnv;
  browserCommand: string;
  /** A kubectl command while it waits for its person; `opened` answers what the "browser" was to open, once. */
  start(command: string): Waiting;
}

export interface Waiting {
  opened(): Promise<string>;
  /** The first group of what it says, once it says it. */
  said(pattern: RegExp): Promise<string>;
  end: Promise<{ code: number | null; output: string }>;
}

/** `programs` are found by name there, beside those of the machine. */
export async function makeDesk(
  folder: string,
  { env, programs }: { env: NodeJS.ProcessEnv; programs: Readonly<Record<string, string>> },
): Promise<Desk> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  for (const [name, path] of Object.entries(programs)) await symlink(path, join(bin, name));
  const browserCommand = join(bin, 'browser');
  const opened = join(folder, 'opened');
  await writeFile(
    browserCommand,
    `#!/bin/sh\nprintf '%s' "$1" > '${opened}.part' && mv '${opened}.part' '${opened}'\n`,
  );
  await chmod(browserCommand, 0o755);
  const own = { ...env, PATH: `${bin}:${env['PATH']}`, HOME: folder, KUBECONFIG: join(folder, 'kubeconfig') };
  return {
    env: own,
    browserCommand,
    start(command) {
      const child = spawn('/bin/sh', ['-c', command], {
        env: own,
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const { end, output } = follow(child);
      const ended = { code: undefined as number | null | undefined };
      void end.then(({ code }) => (ended.code = code));
      const wait = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
        const until = Date.now() + 60_000;
        for (;;) {
          const found = await look();
          if (found !== undefined) return found;
          if (ended.code !== undefined || Date.now() > until)
            throw new Error(`${command} (${String(ended.code)}): ${output()}`);
          await sleep(50);
        }
      };
      return {
        end,
        opened: () =>
          wait(async () => {
            if (!existsSync(opened)) return undefined;
            const url = await readFile(opened, 'utf8');
            await rm(opened);
            return url;
          }),
        said: (pattern) => wait(async () => pattern.exec(output())?.[1]),
      };
    },
  };
}

function follow(child: ChildProcess): { end: Waiting['end']; output: () => string } {
  let output = '';
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const end = new Promise<{ code: number | null; output: string }>((done) =>
    child.once('close', (code) => done({ code, output })),
  );
  return { end, output: () => output };
}
