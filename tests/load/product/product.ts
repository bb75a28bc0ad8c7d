import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readCliConfig } from '@hexabase/client/config-file.ts';

const run = promisify(execFile);
const commandMsMax = 120_000;

/** The launcher of this checkout. */
export const launcher = fileURLToPath(new URL('../../../hks', import.meta.url));

const operator = path.join(path.dirname(launcher), 'hexabase-cli');

/** A freshly started product in a folder of its own. Disposing it stops it and removes the folder. */
export interface Product extends AsyncDisposable {
  pid: number;
  httpUrl: string;
  httpsUrl: string;
  /** PEM of the authority that signed the gateway's certificate. */
  ca: string;
  configFile: string;
  dataDir: string;
  /** Runs `hks …` as its signed-in owner. Answers what it printed. */
  hks(...args: string[]): Promise<string>;
  /** A valid access token of the owner. */
  token(): Promise<string>;
  stop(): Promise<void>;
  /** Reads process id and addresses again; a restarted product has another one. */
  refresh(): Promise<void>;
}

/** Starts it; the first organization is lifted to a plan without limits. */
export async function startProduct(): Promise<Product> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'hks-bench-'));
  const dataDir = path.join(folder, 'data');
  const configFile = path.join(folder, 'config', 'config.yaml');
  const env = { ...process.env, HKS_DATA_DIR: dataDir, HKS_CONFIG: configFile };
  const hks = async (...args: string[]): Promise<string> =>
    (await run(launcher, args, { env, timeout: commandMsMax })).stdout;
  const product: Product = {
    pid: 0,
    httpUrl: '',
    httpsUrl: '',
    ca: '',
    configFile,
    dataDir,
    hks,
    async token() {
      // The command line refreshes the session when it is about to end.
      await hks('organization', 'list');
      const config = readCliConfig(configFile);
      return config.contexts[config.currentContext]?.accessToken ?? '';
    },
    async stop() {
      await hks('down');
    },
    async refresh() {
      const status: Pick<Product, 'pid' | 'httpUrl' | 'httpsUrl'> = JSON.parse(
        await hks('status', '-o', 'json'),
      );
      Object.assign(product, status);
    },
    async [Symbol.asyncDispose]() {
      await hks('down').catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    // `mkdtemp` makes it 0700, and the database server runs as another user when we are root.
    await run('chmod', ['755', folder]);
    await hks('up', '--http-port', '0', '--https-port', '0', '--detach');
    await product.refresh();
    product.ca = (await run(operator, ['authority'], { env })).stdout;
    await hks('organization', 'update', 'my-organization', '--plan', 'enterprise');
    return product;
  } catch (error) {
    await product[Symbol.asyncDispose]();
    throw error;
  }
}
