import { describeMismatch } from './go-json.ts';
import { fieldSchema, structOf, typeNameOf, typeSchema } from './type-table.ts';
import type { FieldSchema, TypeSchema } from './type-table.ts';

export { BodyError, parseStrict, parseYaml } from './parse-body.ts';

/** Something in a body that the kind's schema does not allow. */
export interface FieldProblem {
  /** `unknown` depends on `fieldValidation`; `type` always fails the request (400). */
  kind: 'unknown' | 'type';
  /** `spec.template.spec.containers[0].image` */
  path: string;
  /** Upstream's wording, `unknown field "spec.foo"` or `json: cannot unmarshal …`. */
  message: string;
}

/** Upstream stops collecting there. */
const REPORT_MAX = 100;

/** Compares a body with the schema of its kind: unknown fields and wrong types. Kinds without a schema have no problems. */
export function checkFields(apiVersion: string, kind: string, value: unknown): FieldProblem[] {
  const typeName = typeNameOf(apiVersion, kind);
  const type = typeSchema(typeName);
  if (!type) return [];
  const problems: FieldProblem[] = [];
  checkStruct(value, type, { struct: '', path: '', goPath: '', goName: '', typeName, problems });
  return problems.slice(0, REPORT_MAX);
}

/** `Deployment in version "v1" cannot be handled as a Deployment: …`, the message of a 400. */
export function cannotBeHandled(apiVersion: string, kind: string, message: string): string {
  return `${kind} in version ${JSON.stringify(apiVersion.split('/').at(-1))} cannot be handled as a ${kind}: ${message}`;
}

/** `strict decoding error: unknown field "spec.foo", duplicate field "spec.bar"`. */
export function strictDecodingError(messages: readonly string[]): string {
  return `strict decoding error: ${messages.join(', ')}`;
}

interface Place {
  /** Go struct and JSON path (without indices) of the innermost struct field, as Go's errors name them. */
  struct: string;
  goPath: string;
  /** Go's name of the wanted type. */
  goName: string;
  path: string;
  typeName: string;
  problems: FieldProblem[];
}

function checkStruct(value: unknown, type: TypeSchema, place: Place): void {
  if (value === null || value === undefined) return;
  if (typeof value !== 'object' || Array.isArray(value)) {
    place.problems.push(mismatch(value, shortName(place.typeName), place));
    return;
  }
  for (const [name, child] of Object.entries(value)) {
    const path = join(place.path, name);
    const field = fieldSchema(type, name);
    if (!field)
      place.problems.push({ kind: 'unknown', path, message: `unknown field ${JSON.stringify(path)}` });
    else checkField(child, field, fieldPlace(place, name, field));
  }
}

function fieldPlace(parent: Place, name: string, field: FieldSchema): Place {
  return {
    problems: parent.problems,
    struct: parent.typeName.split('.').at(-1) ?? '',
    goPath: join(parent.goPath, name),
    goName: field.go ?? '',
    path: join(parent.path, name),
    typeName: structOf(field.type) ?? '',
  };
}

function checkField(value: unknown, field: { type: string }, place: Place): void {
  if (value === null) return;
  const { problems } = place;
  const { type } = field;
  if (type.startsWith('[]') || type.startsWith('@')) {
    const element = type.startsWith('@') ? type.slice(1) : type.slice(2);
    if (!Array.isArray(value)) problems.push(mismatch(value, goTypeName(type, place), place));
    else
      value.forEach((item, index) =>
        checkField(item, { type: element }, at(place, `${place.path}[${index}]`)),
      );
  } else if (type.startsWith('{}')) {
    if (typeof value !== 'object' || Array.isArray(value))
      problems.push(mismatch(value, goTypeName(type, place), place));
    else
      for (const [key, item] of Object.entries(value))
        checkField(item, { type: type.slice(2) }, at(place, join(place.path, key)));
  } else if (type.startsWith('#')) {
    const struct = typeSchema(place.typeName);
    if (struct) checkStruct(value, struct, place);
  } else {
    const problem = describeMismatch(value, type);
    if (problem)
      problems.push({
        kind: 'type',
        path: place.path,
        message: problem.custom ?? unmarshal(problem.value, goTypeName(type, place), place),
      });
  }
}

function at(place: Place, path: string): Place {
  return { ...place, path, goName: '' };
}

function mismatch(value: unknown, goName: string, place: Place): FieldProblem {
  const seen = Array.isArray(value)
    ? 'array'
    : value instanceof Object
      ? 'object'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value;
  return { kind: 'type', path: place.path, message: unmarshal(seen, goName, place) };
}

function unmarshal(seen: string, goName: string, place: Place): string {
  const target =
    place.goPath === ''
      ? `Go value of type ${goName}`
      : `Go struct field ${place.struct}.${place.goPath} of type ${goName}`;
  return `json: cannot unmarshal ${seen} into ${target}`;
}

function goTypeName(type: string, place: Place): string {
  if (place.goName !== '') return place.goName;
  if (type.startsWith('[]')) return `[]${goTypeName(type.slice(2), place)}`;
  if (type.startsWith('{}')) return `map[string]${goTypeName(type.slice(2), place)}`;
  const struct = structOf(type);
  if (struct !== undefined) return shortName(struct);
  return type === 'bytes' ? '[]uint8' : type === 'quantity' ? 'resource.Quantity' : type.replace('@', '[]');
}

function shortName(typeName: string): string {
  return typeName.split('.').slice(-2).join('.');
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
