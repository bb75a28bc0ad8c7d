import { meetsRequirement } from '../../selectors/requirement.ts';
import { badRequest } from '../errors.ts';

/** Says whether labels meet a selector. */
export type LabelMatch = (labels: Readonly<Record<string, string>> | undefined) => boolean;

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
interface Requirement {
  key: string;
  operator: Operator;
  values: string[];
}

/** A `metav1.LabelSelector` as it stands in specs. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

const keyPattern =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const valuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Parses the text of a `labelSelector` query (k8s.io/apimachinery/pkg/labels). Throws 400. */
export function parseLabelSelector(text: string): LabelMatch {
  const requirements = splitRequirements(text).map(parseRequirement);
  return (labels) => requirements.every((requirement) => meets(labels ?? {}, requirement));
}

/** The selector of a spec as a match; a missing selector matches nothing, an empty one everything. */
export function matchLabelSelector(selector: LabelSelector | undefined): LabelMatch {
  if (selector === undefined) return () => false;
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'In',
    values: [value],
  }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    if (operator !== 'In' && operator !== 'NotIn' && operator !== 'Exists' && operator !== 'DoesNotExist')
      return () => false;
    requirements.push({ key, operator, values: values ?? [] });
  }
  return (labels) => requirements.every((requirement) => meets(labels ?? {}, requirement));
}

/** Prints a spec's selector as kubectl shows it: `app=web,tier in (a,b)`. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return '<none>';
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    if (operator === 'In') parts.push(`${key} in (${(values ?? []).toSorted().join(',')})`);
    else if (operator === 'NotIn') parts.push(`${key} notin (${(values ?? []).toSorted().join(',')})`);
    else parts.push(operator === 'Exists' ? key : `!${key}`);
  }
  return parts.length === 0 ? '<none>' : parts.toSorted().join(',');
}

function meets(labels: Readonly<Record<string, string>>, { key, operator, values }: Requirement): boolean {
  return meetsRequirement(operator, values, Object.hasOwn(labels, key) ? labels[key] : undefined);
}

function splitRequirements(text: string): string[] {
  if (text.trim() === '') return [];
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  if (depth !== 0) throw unparsable(`found '', expected: ',' or ')'`);
  parts.push(text.slice(start));
  return parts;
}

const setPattern = /^(\S+?)\s+(in|notin)\s*\(([^()]*)\)$/;
const comparePattern = /^([^\s=!<>()]+)\s*(==|=|!=|>|<)\s*([^\s=!<>()]*)$/;

function parseRequirement(part: string): Requirement {
  const text = part.trim();
  const set = setPattern.exec(text);
  if (set) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return checked({ key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values });
  }
  const comparison = comparePattern.exec(text);
  if (comparison) {
    const operators: Record<string, Operator> = {
      '=': 'In',
      '==': 'In',
      '!=': 'NotIn',
      '>': 'Gt',
      '<': 'Lt',
    };
    return checked({
      key: comparison[1] ?? '',
      operator: operators[comparison[2] ?? '='] ?? 'In',
      values: [comparison[3] ?? ''],
    });
  }
  if (/^!\s*[^\s=!<>()]+$/.test(text))
    return checked({ key: text.slice(1).trim(), operator: 'DoesNotExist', values: [] });
  if (/^[^\s=!<>()]+$/.test(text)) return checked({ key: text, operator: 'Exists', values: [] });
  throw unparsable(`found '${text}', expected: !, identifier, or 'end of string'`);
}

function checked(requirement: Requirement): Requirement {
  if (!keyPattern.test(requirement.key)) {
    throw unparsable(
      `<nil>: Invalid value: "${requirement.key}": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    );
  }
  const numeric = requirement.operator === 'Gt' || requirement.operator === 'Lt';
  for (const value of requirement.values) {
    const sound = numeric ? /^-?\d+$/.test(value) : valuePattern.test(value);
    if (!sound) {
      throw unparsable(
        `values[0][${requirement.key}]: Invalid value: "${value}": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      );
    }
  }
  return requirement;
}

function unparsable(why: string): Error {
  return badRequest(`unable to parse requirement: ${why}`);
}
