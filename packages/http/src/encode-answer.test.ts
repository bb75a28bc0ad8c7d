import { workspace } from '@hexabase/contract/workspace.ts';
import { describe, expect, it } from 'vitest';
import { encoderOf } from './encode-answer.ts';

const shown = {
  id: 'id-1',
  slug: 'shop',
  name: 'Ünïcode "quoted"',
  description: '',
  organizationId: 'org-1',
  plan: 'pro',
  region: 'local',
  isolation: 'shared',
  phase: 'active',
  generation: 2,
  observedGeneration: 2,
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Fine',
      message: '',
      observedGeneration: 2,
      lastTransitionTime: '2026-01-01T00:00:00.000Z',
    },
  ],
  progress: null,
  kubernetesUrl: 'https://localhost:8443/k8s/workspaces/id-1',
  operationId: null,
  sleep: {
    wanted: false,
    reason: null,
    sleepAt: null,
    wakeAt: null,
    timeZone: 'UTC',
    idleMinutes: null,
    nextAt: null,
  },
  kubernetesVersion: '1.36',
  runningVersion: 'v1.36.0',
  clone: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  deletionRequestedAt: null,
  deletionDueAt: null,
  deletionGraceMinutes: 0,
};

describe('encoding an answer', () => {
  it('writes everything that the contract names, as it is', () => {
    const encode = encoderOf(workspace.operations.list);
    const envelope = { data: [shown], meta: { page: 1, limit: 50, total: 1, requestId: 'r' } };
    expect(JSON.parse(encode(envelope))).toEqual(envelope);
    expect(() => workspace.operations.list.output.parse(JSON.parse(encode(envelope)).data)).not.toThrow();
  });

  it('writes nothing that the contract does not name', () => {
    const encode = encoderOf(workspace.operations.get);
    const text = encode({
      data: { ...shown, fence: 7, passwordHash: 'secret' },
      meta: { requestId: 'r', sql: 'secret' },
    });
    expect(JSON.parse(text)).toEqual({ data: shown, meta: { requestId: 'r' } });
  });
});
