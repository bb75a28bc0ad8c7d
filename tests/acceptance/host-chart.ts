import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The chart as a mirror without internet has it: packed, in a file and behind an address. */
export interface PackedChart extends AsyncDisposable {
  path: string;
  url: string;
  /** Of the file, `sha256:…`. */
  digest: string;
  /** How often it was fetched. */
  fetched(): number;
}

export async function packChart(folder: string): Promise<PackedChart> {
  const scratch = mkdtempSync(join(tmpdir(), 'hks-chart-'));
  symlinkSync(folder, join(scratch, 'vcluster'));
  const path = join(scratch, 'vcluster.tgz');
  execFileSync('tar', ['--dereference', '-czf', path, '-C', scratch, 'vcluster']);
  const bytes = readFileSync(path);
  let fetched = 0;
  const server = createServer((request, response) => {
    fetched += 1;
    response.writeHead(request.url === '/vcluster.tgz' ? 200 : 404);
    response.end(request.url === '/vcluster.tgz' ? bytes : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    path,
    url: `http://127.0.0.1:${port}/vcluster.tgz`,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    fetched: () => fetched,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
