/** Writes `packages/kubernetes/src/schema/generated` from pinned Go modules. Needs `go`; run with `node tools/kube-schema/main.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDiscovery } from './discovery.ts';
import { MODULES, moduleFolder } from './modules.ts';

const target = join(import.meta.dirname, '../../packages/kubernetes/src/schema/generated');
const folders = { kubernetes: moduleFolder(MODULES.kubernetes) };
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'discovery.json'), `${JSON.stringify(readDiscovery(folders.kubernetes), undefined, 1)}\n`);
