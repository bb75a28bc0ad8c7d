import { isRecord } from '../api/registry/object.ts';
import type { ClusterConfig, SimulatedNode } from '../types.ts';

/** Reads a stored configuration. Throws when it is none. */
export function parseClusterConfig(value: unknown): ClusterConfig {
  if (!isRecord(value)) throw new Error('A cluster has no configuration.');
  const { authorization, nodes, basePath, annotations } = value;
  if (
    (authorization !== 'RBAC' && authorization !== 'AlwaysAllow') ||
    !Array.isArray(nodes) ||
    typeof basePath !== 'string'
  ) {
    throw new Error('A cluster has a configuration that this version cannot read.');
  }
  return {
    authorization,
    nodes: nodes.filter(isNode),
    basePath,
    ...(isTexts(annotations) && { annotations }),
  };
}

function isNode(value: unknown): value is SimulatedNode {
  return (
    isRecord(value) &&
    typeof value['name'] === 'string' &&
    typeof value['cpuMilli'] === 'number' &&
    typeof value['memoryMib'] === 'number'
  );
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
}
