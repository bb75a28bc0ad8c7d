import { copiedFromLabel, copiedLabel, copiedUidNote } from '../names.ts';
import type { Shape } from './pick.ts';

// What is read of objects that tenants make, or have made on the host: everything else in them is theirs, and as much as they
// like.

/** Which object it is, and how long it is to stay. */
export const whichOne = {
  metadata: {
    name: true,
    namespace: true,
    uid: true,
    creationTimestamp: true,
    deletionTimestamp: true,
    deletionGracePeriodSeconds: true,
  },
} as const satisfies Shape;

export const ofPod = {
  metadata: {
    ...whichOne.metadata,
    labels: { [copiedLabel]: true, [copiedFromLabel]: true, 'k8s-app': true },
    annotations: { [copiedUidNote]: true },
  },
  spec: {
    nodeName: true,
    containers: { name: true, image: true },
    volumes: { persistentVolumeClaim: { claimName: true } },
  },
  status: {
    phase: true,
    reason: true,
    message: true,
    conditions: true,
    initContainerStatuses: true,
    containerStatuses: true,
  },
} as const satisfies Shape;

export const ofClaim = {
  ...whichOne,
  spec: { storageClassName: true, volumeName: true },
  status: { phase: true },
} as const satisfies Shape;

export const ofEvent = {
  involvedObject: { kind: true, name: true, uid: true },
  type: true,
  reason: true,
  message: true,
  firstTimestamp: true,
  lastTimestamp: true,
  eventTime: true,
} as const satisfies Shape;
