import type { Condition, IntOrPercent, LabelSelector } from './objects.ts';
import type { KubeObject } from './types.ts';

/** Kinds around Services, and PodDisruptionBudget and ResourceQuota; see `objects.ts`. */

export interface ServicePort {
  name?: string;
  protocol?: string;
  port: number;
  targetPort?: number | string;
  appProtocol?: string;
}

export interface Service extends KubeObject {
  spec?: {
    type?: string;
    selector?: Record<string, string>;
    ports?: ServicePort[];
    clusterIP?: string;
    publishNotReadyAddresses?: boolean;
    externalName?: string;
    loadBalancerClass?: string;
  };
  status?: { loadBalancer?: LoadBalancer };
}

export interface LoadBalancer {
  ingress?: { ip?: string; hostname?: string; ipMode?: string }[];
}

export interface Ingress extends KubeObject {
  status?: { loadBalancer?: LoadBalancer };
}

export interface TargetRef {
  kind: string;
  namespace: string;
  name: string;
  uid: string;
}

export interface EndpointSlice extends KubeObject {
  addressType: string;
  endpoints: SliceEndpoint[];
  ports: { name: string; port: number; protocol: string; appProtocol?: string }[];
}

export interface SliceEndpoint {
  addresses: string[];
  conditions: { ready: boolean; serving: boolean; terminating: boolean };
  nodeName?: string;
  hostname?: string;
  zone?: string;
  targetRef?: TargetRef;
}

export interface Endpoints extends KubeObject {
  subsets?: EndpointSubset[];
}

export interface EndpointSubset {
  addresses?: EndpointAddress[];
  notReadyAddresses?: EndpointAddress[];
  ports?: { name?: string; port: number; protocol: string; appProtocol?: string }[];
}

export interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: TargetRef;
}

export interface PodDisruptionBudget extends KubeObject {
  spec?: { minAvailable?: IntOrPercent; maxUnavailable?: IntOrPercent; selector?: LabelSelector };
  status?: {
    currentHealthy: number;
    desiredHealthy: number;
    disruptionsAllowed: number;
    expectedPods: number;
    observedGeneration?: number;
    disruptedPods?: Record<string, string>;
    conditions?: Condition[];
  };
}

export interface ResourceQuota extends KubeObject {
  spec?: { hard?: Record<string, string> };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}
