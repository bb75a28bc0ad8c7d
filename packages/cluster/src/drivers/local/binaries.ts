import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** Paths of the programs that a control plane needs. */
export interface LocalBinaries {
  etcd: string;
  kubeApiserver: string;
  kubeControllerManager: string;
  kubeScheduler: string;
  /** Null when there is none: there are no nodes then, and pods stay Pending. */
  kwok: string | null;
  /** Minor of the API server, `1.34`. */
  kubernetesMinor: string;
}

/** A folder of binaries that cannot be used; the message says what to do. */
export class LocalBinariesError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LocalBinariesError';
  }
}

/** AuthenticationConfiguration v1 came with it. */
const oldestMinor = 34;
const versionTimeoutMs = 20_000;

/** Finds the programs in `folder` and asks each for its version. Throws `LocalBinariesError`. */
export async function findLocalBinaries(folder: string): Promise<LocalBinaries> {
  const found = (name: string) => executable(join(resolve(folder), name));
  const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
  const paths = await Promise.all(names.map(found));
  const missing = names.filter((_, index) => paths[index] === null);
  const [etcd, kubeApiserver, kubeControllerManager, kubeScheduler] = paths;
  if (!etcd || !kubeApiserver || !kubeControllerManager || !kubeScheduler) {
    throw new LocalBinariesError(
      `The folder ${folder} has no ${missing.join(', no ')}. HKS_KUBE_BIN names a folder with ${names.join(', ')} and, for simulated nodes, kwok.`,
    );
  }
  const kubernetes = [kubeApiserver, kubeControllerManager, kubeScheduler];
  const minors = await Promise.all(kubernetes.map(minorOf));
  if (new Set(minors).size > 1) {
    throw new LocalBinariesError(
      `The programs in ${folder} are of different versions: ${names
        .slice(1)
        .map((name, index) => `${name} 1.${minors[index]}`)
        .join(', ')}. Take all of one Kubernetes release.`,
    );
  }
  const minor = minors[0] ?? 0;
  if (minor < oldestMinor) {
    throw new LocalBinariesError(
      `${kubeApiserver} is Kubernetes 1.${minor}; 1.${oldestMinor} or newer is needed.`,
    );
  }
  await answerOf(etcd);
  const kwok = await found('kwok');
  return {
    etcd,
    kubeApiserver,
    kubeControllerManager,
    kubeScheduler,
    kwok,
    kubernetesMinor: `1.${minor}`,
  };
}

async function executable(path: string): Promise<string | null> {
  return access(path, constants.X_OK).then(
    () => path,
    () => null,
  );
}

/** `Kubernetes v1.34.4` */
async function minorOf(path: string): Promise<number> {
  const said = await answerOf(path);
  const minor = /^Kubernetes v1\.(\d+)\./.exec(said)?.[1];
  if (minor === undefined)
    throw new LocalBinariesError(`${path} does not say its Kubernetes version, but: ${said}`);
  return Number(minor);
}

async function answerOf(path: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: versionTimeoutMs });
    return stdout.trim().slice(0, 200);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LocalBinariesError(`${path} does not run on this machine: ${why}`);
  }
}
