import { fieldsOf, objectsOf, textOf, type Json } from '../../auth/fields.ts';

/** A pod as the checks see it: template and pod alike. */
export interface CheckedPod {
  annotations: Readonly<Record<string, string>>;
  spec: Json;
}

/** One broken rule: the short reason, and what exactly is wrong. */
export interface Violation {
  reason: string;
  detail: string;
}

/** A rule of the Pod Security Standards; undefined when the pod keeps it. */
export type Check = (pod: CheckedPod) => Violation | undefined;

/** Init, ordinary and ephemeral containers: a rule must hold for all of them. */
export function containersOf(spec: Json): Json[] {
  return [
    ...objectsOf(spec['initContainers']),
    ...objectsOf(spec['containers']),
    ...objectsOf(spec['ephemeralContainers']),
  ];
}

export function nameOf(container: Json): string {
  return textOf(container['name']);
}

export function securityContext(holder: Json): Json {
  return fieldsOf(holder['securityContext']);
}

/** `container "a"` or `containers "a", "b"`. */
export function namedContainers(containers: readonly Json[]): string {
  return `${plural('container', containers.length)} ${quoted(containers.map(nameOf))}`;
}

/** `pod`, `container "a"` or `pod and containers "a", "b"`: who set something that is not allowed. */
export function setters(podIsBad: boolean, containers: readonly Json[]): string {
  return [...(podIsBad ? ['pod'] : []), ...(containers.length > 0 ? [namedContainers(containers)] : [])].join(
    ' and ',
  );
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}

/** `"a", "b"`. */
export function quoted(words: Iterable<string>): string {
  return [...words].map((word) => `"${word}"`).join(', ');
}

/** Distinct, in byte order. */
export function sorted(words: Iterable<string>): string[] {
  return [...new Set(words)].toSorted();
}

/** Pods for Windows have no Linux security fields. */
export function isWindows(spec: Json): boolean {
  return fieldsOf(spec['os'])['name'] === 'windows';
}

/** In a user namespace, root and an unmasked /proc are the pod's own (KEP-127; from v1.35 on). */
export function isInUserNamespace(spec: Json): boolean {
  return spec['hostUsers'] === false;
}
