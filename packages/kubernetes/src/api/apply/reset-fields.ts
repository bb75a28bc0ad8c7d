import type { ResourceInfo } from '../../types.ts';
import { pathSet, union, type MaybeFields } from './typed/field-set.ts';

const status = pathSet('f:status');
const spec = pathSet('f:spec');
const specAndLabels = union(spec, pathSet('f:metadata', 'f:labels'));

/** Fields that a write to the object, or to one of its subresources, leaves alone and so cannot own. */
export function resetFields(
  info: Pick<ResourceInfo, 'group' | 'subresources'>,
  subresource: string,
): MaybeFields {
  if (subresource === 'status') return info.group === 'apps' ? specAndLabels : spec;
  return info.subresources.has('status') ? status : undefined;
}
