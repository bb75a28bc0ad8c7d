import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';

/** The program that a variable names, or that `./hks test host --argocd` has built; '' where there is neither. */
export function builtClient(name: string, variable: string): string {
  const named = process.env[variable];
  if (named) return named;
  const binaries = kubeBinaries();
  const built = join(binaries ?? '', name);
  return binaries !== null && existsSync(built) ? built : '';
}
