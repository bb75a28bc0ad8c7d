import { describe, expect, it } from 'vitest';
import { network } from '../settings.ts';
import {
  apiServerCommand,
  controllerManagerCommand,
  etcdCommand,
  schedulerCommand,
  type ControlPlaneAddresses,
} from './command-lines.ts';

const light: ControlPlaneAddresses = {
  address: '127.0.0.1',
  apiPort: 40001,
  etcdPort: 40002,
  etcdPeerPort: 40003,
  nodes: false,
};
const real: ControlPlaneAddresses = { ...light, address: network.machine, apiPort: 6443, nodes: true };

describe('the control plane', () => {
  it('can be reached from this machine only, except for what nodes need', () => {
    const listening = (command: readonly string[]): string[] =>
      command.filter((flag) => /^--(bind-address|secure-port|listen-)/.test(flag));
    expect(listening(apiServerCommand(light, '/pki'))).toEqual([
      '--bind-address=127.0.0.1',
      '--secure-port=40001',
    ]);
    expect(listening(apiServerCommand(real, '/pki'))).toEqual([
      `--bind-address=${network.machine}`,
      '--secure-port=6443',
    ]);
    expect(listening(etcdCommand(real))).toEqual([
      '--listen-client-urls=http://127.0.0.1:40002',
      '--listen-peer-urls=http://127.0.0.1:40003',
    ]);
    for (const command of [controllerManagerCommand('/pki'), schedulerCommand('/pki')]) {
      expect(listening(command)).toEqual(['--secure-port=0']);
    }
  });

  it('checks every node as a node, and the certificate of every kubelet', () => {
    expect(apiServerCommand(real, '/pki')).toEqual(
      expect.arrayContaining([
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--kubelet-certificate-authority=/pki/ca.crt',
      ]),
    );
  });

  it('announces no loopback address to pods', () => {
    expect(apiServerCommand(light, '/pki')).toContain('--endpoint-reconciler-type=none');
    expect(apiServerCommand(real, '/pki')).not.toContain('--endpoint-reconciler-type=none');
  });
});
