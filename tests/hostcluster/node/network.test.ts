import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { network } from '../settings.ts';

const { bridge } = network;
const module = JSON.stringify(join(import.meta.dirname, 'network.ts'));

/** A network of its own, with its own view of the kernel's links: nothing here touches the machine's. */
const apart = ['--net', '--mount', 'sh', '-ec'];
const withLinks = 'mount -t sysfs sysfs /sys';
const isPossible = spawnSync('unshare', [...apart, `${withLinks}; ip link; iptables -w -L`]).status === 0;

/** Runs `preparation` there, then what makes and looks for the link; answers what was complained of, and which links are left. */
function tried(preparation: string, calls: string): { complaint: string; left: boolean } {
  const script = `const { makeBridge, expectNoBridge, bridgeNumber } = await import(${module});
    let complaint = '';
    try { ${calls} } catch (error) { complaint = error.message; }
    console.log(JSON.stringify({ complaint, left: bridgeNumber() !== null }));`;
  const program = `${withLinks}; ${preparation}; exec "$0" --input-type=module -e "$1"`;
  const said = execFileSync('unshare', [...apart, program, process.execPath, script], { encoding: 'utf8' });
  return JSON.parse(said);
}

const bare = `ip link add ${bridge} type bridge`;
const madeAgo = (seconds: number): string =>
  `${bare}; ip link set dev ${bridge} alias ${new Date(Date.now() - seconds * 1000).toISOString()}`;

describe.skipIf(!isPossible)('the link of another checkout', () => {
  it('is left alone while that one starts its first node', () => {
    expect(tried('true', 'await makeBridge(); await expectNoBridge();')).toEqual({
      complaint: expect.stringContaining('another checkout starts a host cluster'),
      left: true,
    });
  });

  it('is left alone while nodes hang on it', () => {
    const cable = `ip link add hks-node1 master ${bridge} type veth peer name other`;
    expect(tried(`${madeAgo(3600)}; ${cable}`, 'await expectNoBridge();')).toEqual({
      complaint: expect.stringContaining('hks-node1 hang on the link'),
      left: true,
    });
  });

  it.each([
    ['was made long ago', madeAgo(3600)],
    ['does not tell when it was made', bare],
    ['is of a time that is yet to come', madeAgo(-3600)],
  ])('is taken for lost when no node hangs on it and it %s', (_, preparation) => {
    expect(tried(preparation, 'await expectNoBridge();')).toEqual({ complaint: '', left: false });
  });

  it('is gone with nothing left of it, so that another can be made', () => {
    const calls = 'await expectNoBridge(); await makeBridge();';
    expect(tried(madeAgo(3600), calls)).toEqual({ complaint: '', left: true });
  });
});
