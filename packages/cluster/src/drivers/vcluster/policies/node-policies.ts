import { matching, poolLabel, type HostPolicy } from './host-policy.ts';

const label = (object: string): string =>
  `(has(${object}.metadata.labels) && '${poolLabel}' in ${object}.metadata.labels ? ${object}.metadata.labels['${poolLabel}'] : '')`;

/** CEL: our taint as text, `value:effect`, or a list of none. */
const taints = (object: string): string =>
  `(has(${object}.spec.taints) ? ${object}.spec.taints : []).filter(taint, taint.key == '${poolLabel}').map(taint, (has(taint.value) ? taint.value : '') + ':' + taint.effect)`;

const sameLabel = `${label('object')} == ${label('oldObject')}`;
const sameTaints = `${taints('object')} == ${taints('oldObject')}`;

/** A kubelet may change its own node: taken over, it would draw the pods of a dedicated workspace to itself. */
const nodes: HostPolicy = {
  name: 'hexabase-nodes',
  scope: 'workspaces',
  purpose: 'Only administrators dedicate a node to a workspace, and take that back.',
  match: matching(
    '/v1',
    [
      ['nodes', 'Node'],
      ['nodes/status', 'Node/status'],
    ],
    ['UPDATE'],
  ),
  exceptOwners: true,
  conditions: [{ name: 'changes-the-pool', expression: `!(${sameLabel} && ${sameTaints})` }],
  validations: [
    {
      expression: sameLabel,
      message: `the label ${poolLabel} of a node is set by administrators only`,
    },
    {
      expression: sameTaints,
      message: `the taint ${poolLabel} of a node is set by administrators only`,
    },
  ],
};

export const nodePolicies: readonly HostPolicy[] = [nodes];
