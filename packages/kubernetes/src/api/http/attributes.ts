import type { Attributes } from '../../auth/rules.ts';
import type { RequestInfo } from './request-info.ts';

/** What authorization decides about. */
export function attributesOf(info: RequestInfo): Attributes {
  if (!info.isResource) return { verb: info.verb, path: info.path };
  const { verb, group, resource, subresource, namespace, name } = info;
  return { verb, group, resource, subresource, namespace, name };
}
