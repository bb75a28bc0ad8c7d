import type { KubeObject, ResourceInfo } from '../../types.ts';
import { badRequest } from '../errors.ts';
import { fieldLabelsOf } from './field-labels.ts';

interface FieldTerm {
  path: string;
  value: string;
  equal: boolean;
}

export interface FieldSelector {
  matches(object: KubeObject): boolean;
  /** Set when the selector pins one object by name. */
  name: string | undefined;
  namespace: string | undefined;
}

/** Every kind can be selected by name and namespace. */
const metadataFields = 2;

/** Parses the text of a `fieldSelector` query (k8s.io/apimachinery/pkg/fields). Throws 400 for fields the kind does not index. */
export function parseFieldSelector(info: ResourceInfo, text: string): FieldSelector {
  const labels = fieldLabelsOf(info);
  const terms = splitTerms(text).map(parseTerm);
  for (const term of terms) {
    if (labels.has(term.path)) continue;
    const bare = labels.size === metadataFields;
    throw badRequest(
      bare
        ? `"${term.path}" is not a known field selector: only "metadata.name", "metadata.namespace"`
        : `field label not supported: ${term.path}`,
    );
  }
  const pinned = (path: string): string | undefined =>
    terms.find((term) => term.equal && term.path === path)?.value;
  return {
    matches: (object) =>
      terms.every((term) => (labels.get(term.path)?.(object) === term.value) === term.equal),
    name: pinned('metadata.name'),
    namespace: pinned('metadata.namespace'),
  };
}

function splitTerms(text: string): string[] {
  const parts: string[] = [];
  let current = '';
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (char === '\\') {
      current += char + (text[index + 1] ?? '');
      index++;
    } else if (char === ',') {
      parts.push(current);
      current = '';
    } else current += char;
  }
  parts.push(current);
  return parts.filter((part) => part !== '');
}

function parseTerm(part: string): FieldTerm {
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
  if (!match) throw badRequest(`invalid field selector: "${part}"; can't understand '${part}'`);
  return {
    path: (match[1] ?? '').trim(),
    value: (match[3] ?? '').replaceAll(/\\([\\,=])/g, '$1'),
    equal: match[2] !== '!=',
  };
}
