import { add, cmp, tryParseQuantity, type Quantity } from '../schema/quantity.ts';
import { fieldsOf, objectsOf, type Json } from '../auth/fields.ts';

/** Amounts by resource name, such as `cpu` or `memory`. */
export type Amounts = Map<string, Quantity>;

/** Reads a resource list; entries that are no quantity are left to validation. */
export function amountsOf(value: unknown): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, text] of Object.entries(fieldsOf(value))) {
    const quantity = tryParseQuantity(text);
    if (quantity) amounts.set(name, quantity);
  }
  return amounts;
}

/** A container's requests or limits. */
export function containerAmounts(container: Json, side: 'requests' | 'limits'): Amounts {
  return amountsOf(fieldsOf(container['resources'])[side]);
}

/**
 * What a pod takes as a whole: the containers and sidecars together, or the largest init container (with the sidecars
 * started before it) where that is more; pod-level cpu and memory replace the sum (component-helpers/resource).
 */
export function podAmounts(spec: Json, side: 'requests' | 'limits'): Amounts {
  const total: Amounts = new Map();
  for (const container of objectsOf(spec['containers'])) addAll(total, containerAmounts(container, side));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of objectsOf(spec['initContainers'])) {
    const own = containerAmounts(container, side);
    if (container['restartPolicy'] === 'Always') {
      addAll(total, own);
      addAll(sidecars, own);
      raiseAll(peak, sidecars);
    } else {
      const during = new Map(sidecars);
      addAll(during, own);
      raiseAll(peak, during);
    }
  }
  raiseAll(total, peak);
  for (const [name, amount] of amountsOf(fieldsOf(spec['resources'])[side])) {
    if (name === 'cpu' || name === 'memory') total.set(name, amount);
  }
  addOverhead(total, spec, side);
  return total;
}

function addOverhead(total: Amounts, spec: Json, side: 'requests' | 'limits'): void {
  for (const [name, amount] of amountsOf(spec['overhead'])) {
    const known = total.get(name);
    // A pod without a limit stays without one.
    if (known || side === 'requests') total.set(name, known ? add(known, amount) : amount);
  }
}

function addAll(total: Amounts, more: Amounts): void {
  for (const [name, amount] of more) {
    const known = total.get(name);
    total.set(name, known ? add(known, amount) : amount);
  }
}

function raiseAll(total: Amounts, other: Amounts): void {
  for (const [name, amount] of other) {
    const known = total.get(name);
    if (!known || cmp(amount, known) > 0) total.set(name, amount);
  }
}
