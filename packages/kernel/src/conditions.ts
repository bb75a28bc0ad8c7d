/**
 * Kubernetes-style conditions (Kubernetes API conventions, "Typical status properties").
 * `Unknown` means that nobody could look; it comes before `False`.
 */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase word for machines. */
  reason: string;
  /** A sentence for people. */
  message: string;
  /** The generation of the spec that this was computed from. */
  observedGeneration: number;
  /** RFC 3339; moves only when `status` changes. */
  lastTransitionTime: string;
}

/** What fails is doubted for so long before it counts: most of it comes back by itself, and what just starts needs time. */
export const doubtMs = 2 * 60_000;

export type ConditionInput = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Returns the list with one condition set; keeps `lastTransitionTime` while the status stays the same. */
export function setCondition(
  conditions: readonly Condition[],
  next: ConditionInput,
  at: { generation: number; nowMs: number },
): Condition[] {
  const previous = conditions.find((condition) => condition.type === next.type);
  const lastTransitionTime =
    previous?.status === next.status ? previous.lastTransitionTime : new Date(at.nowMs).toISOString();
  const changed: Condition = { ...next, observedGeneration: at.generation, lastTransitionTime };
  return previous
    ? conditions.map((condition) => (condition.type === next.type ? changed : condition))
    : [...conditions, changed];
}

export function findCondition<C extends ConditionInput>(
  conditions: readonly C[],
  type: string,
): C | undefined {
  return conditions.find((condition) => condition.type === type);
}
