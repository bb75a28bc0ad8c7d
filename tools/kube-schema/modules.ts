import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/** The Kubernetes release whose API the embedded server offers, and the Go modules that describe it. */
export const RELEASE = 'v1.36.0';
const LIBRARIES = 'v0.36.0';
export const MODULES = {
  kubernetes: `k8s.io/kubernetes@${RELEASE}`,
  api: `k8s.io/api@${LIBRARIES}`,
  apimachinery: `k8s.io/apimachinery@${LIBRARIES}`,
  metrics: `k8s.io/metrics@${LIBRARIES}`,
};

/** Folder of a pinned module in Go's module cache, downloading it when needed. The checksum is Go's business. */
export function moduleFolder(module: string): string {
  const output = execFileSync('go', ['mod', 'download', '-json', module], {
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  const parsed: unknown = JSON.parse(output);
  if (typeof parsed === 'object' && parsed !== null && 'Dir' in parsed && typeof parsed.Dir === 'string')
    return parsed.Dir;
  throw new Error(`go mod download gave no folder for ${module}`);
}
