import { execFile, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fixedClock, systemClock } from '@hexabase/kernel/clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  loadCertificates,
  type CertificateOptions,
  type Certificates,
  type NamedCertificate,
} from './load-certificates.ts';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';

const run = promisify(execFile);
const has = (program: string) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error === undefined;
const openssl = has('openssl');
const dayMs = 86_400_000;
let dir: string;

/** By the folder of the installation. */
const authorities = new Map<string, NamedCertificate>();

function load(options: Omit<CertificateOptions, 'authorities'>): Promise<Certificates> {
  const kept = (choose: (found: NamedCertificate | null) => NamedCertificate) => {
    const chosen = choose(authorities.get(options.dir) ?? null);
    authorities.set(options.dir, chosen);
    return Promise.resolve(chosen);
  };
  return loadCertificates({ ...options, authorities: { keep: kept } });
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hks-certificates-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

describe('certificates', () => {
  it('are made once, private, and good for the loopback names and the public host', async () => {
    const made = await load({
      dir: join(dir, 'tls'),
      hosts: ['hexabase.example'],
      clock: systemClock,
    });
    expect(await load({ dir: join(dir, 'tls'), hosts: ['hexabase.example'], clock: systemClock })).toEqual(
      made,
    );
    const certificate = new X509Certificate(made.certPem);
    for (const host of ['localhost', 'hexabase.example']) expect(certificate.checkHost(host)).toBe(host);
    for (const address of ['127.0.0.1', '::1']) expect(certificate.checkIP(address)).toBe(address);
    for (const file of await readdir(join(dir, 'tls')))
      expect((await stat(join(dir, 'tls', file))).mode & 0o077).toBe(0);
    expect((await stat(join(dir, 'tls'))).mode & 0o077).toBe(0);
  });

  it('are renewed 30 days before the end and for a new name, under the same authority', async () => {
    const clock = fixedClock(Date.now());
    const hosts = ['a.example'];
    const first = await load({ dir, hosts, clock });
    clock.advance(330 * dayMs);
    expect((await load({ dir, hosts, clock })).certPem).toBe(first.certPem);
    clock.advance(6 * dayMs);
    const second = await load({ dir, hosts, clock });
    expect(second.certPem).not.toBe(first.certPem);
    expect(second.caPem).toBe(first.caPem);
    expect((await load({ dir, hosts: [], clock })).caPem).toBe(first.caPem);
    const elsewhere = await load({ dir, hosts: ['b.example'], clock });
    expect(elsewhere.caPem).not.toBe(first.caPem);
    expect(new X509Certificate(elsewhere.certPem).checkHost('b.example')).toBe('b.example');
  });

  it('that were damaged are named, not replaced in silence', async () => {
    await load({ dir, hosts: [], clock: systemClock });
    await writeFile(join(dir, 'server.json'), '{');
    await expect(load({ dir, hosts: [], clock: systemClock })).rejects.toThrow(/server\.json cannot be read/);
  });
});

describe('the authority', () => {
  it.skipIf(!openssl)('is accepted by openssl, and its constraints are critical', async () => {
    const made = await load({
      dir,
      hosts: ['hexabase.example', '192.0.2.7', '[2001:db8::7]'],
      clock: systemClock,
    });
    await expect(verify(made)).resolves.toMatch(/OK/);
    const { stdout } = await run('openssl', ['x509', '-in', join(dir, 'ca.pem'), '-noout', '-text']);
    expect(stdout).toMatch(
      /Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+DNS:hexabase\.example\s+IP:127\.0\.0\.0\/255\.0\.0\.0/,
    );
    expect(stdout).toMatch(/CA:TRUE, pathlen:0/);
  });

  it.skipIf(!openssl)('cannot vouch for any other name: openssl refuses what it signs', async () => {
    const authority = makeAuthority(['localhost', '127.0.0.1', '::1'], Date.now());
    for (const host of ['bank.example', '192.0.2.1', 'localhost.example']) {
      const server = signServer(authority, [host], Date.now());
      await expect(verify({ caPem: authority.certPem, ...server })).rejects.toThrow(
        /permitted subtree violation/,
      );
    }
  });

  it.skipIf(!has('kubectl'))(
    'is accepted by kubectl over a real connection, and a stranger’s is not',
    async () => {
      const made = await load({ dir, hosts: [], clock: systemClock });
      const server = createServer({ cert: made.certPem, key: made.keyPem }, (_request, response) =>
        response.end('{"gitVersion":"v1.34.0"}'),
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const address = server.address();
        const port = address !== null && typeof address === 'object' ? address.port : 0;
        await writeFile(join(dir, 'ca.pem'), made.caPem);
        const { stdout } = await kubectl([
          '--certificate-authority',
          join(dir, 'ca.pem'),
          '--server',
          `https://localhost:${port}`,
          'get',
          '--raw',
          '/version',
        ]);
        expect(stdout).toBe('{"gitVersion":"v1.34.0"}');
        const stranger = await load({
          dir: join(dir, 'stranger'),
          hosts: [],
          clock: systemClock,
        });
        await writeFile(join(dir, 'ca.pem'), stranger.caPem);
        await expect(
          kubectl([
            '--certificate-authority',
            join(dir, 'ca.pem'),
            '--server',
            `https://localhost:${port}`,
            'get',
            '--raw',
            '/version',
          ]),
        ).rejects.toThrow(/certificate signed by unknown authority/);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    },
  );
});

async function verify(made: Certificates): Promise<string> {
  await writeFile(join(dir, 'ca.pem'), made.caPem);
  await writeFile(join(dir, 'server.pem'), made.certPem);
  const { stdout } = await run('openssl', [
    'verify',
    '-x509_strict',
    '-CAfile',
    join(dir, 'ca.pem'),
    join(dir, 'server.pem'),
  ]);
  return stdout;
}

function kubectl(args: string[]) {
  return run(
    'kubectl',
    [...args, '--token', 'any', '--kubeconfig', '/dev/null', '--cache-dir', join(dir, 'cache')],
    { timeout: 20_000 },
  );
}
