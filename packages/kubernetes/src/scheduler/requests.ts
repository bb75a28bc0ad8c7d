import type { Container, Node, PodSpec } from '../objects.ts';
import { milliValue, tryParseQuantity, wholeValue } from '../schema/quantity.ts';

/** Amounts by resource name: `cpu` in thousandths of a core, everything else in whole units (bytes, pieces). */
export type Amounts = Record<string, number>;

/** What a pod asks of a node: containers and sidecars together, or the largest init step, plus overhead (KEP-753). */
export function podRequests(spec: PodSpec): Amounts {
  const running: Amounts = {};
  for (const container of spec.containers) add(running, containerRequests(container));
  const sidecars: Amounts = {};
  const initPeak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = containerRequests(container);
    if (container.restartPolicy === 'Always') {
      add(running, own);
      add(sidecars, own);
      raise(initPeak, sidecars);
    } else {
      raise(initPeak, sum(sidecars, own));
    }
  }
  raise(running, initPeak);
  add(running, amountsOf(spec.overhead));
  return running;
}

/** What a node can give. */
export function allocatable(node: Node): Amounts {
  return amountsOf(node.status?.allocatable ?? node.status?.capacity);
}

/** Parses a resource list; unreadable entries count as nothing. */
export function amountsOf(list: Readonly<Record<string, string | number>> | undefined): Amounts {
  const amounts: Amounts = {};
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity) amounts[name] = name === 'cpu' ? milliValue(quantity) : wholeValue(quantity);
  }
  return amounts;
}

export function add(into: Amounts, amounts: Amounts, factor = 1): void {
  for (const [name, amount] of Object.entries(amounts)) into[name] = (into[name] ?? 0) + factor * amount;
}

/** A limit without a request counts as the request too (API defaulting). */
function containerRequests({ resources }: Container): Amounts {
  return { ...amountsOf(resources?.limits), ...amountsOf(resources?.requests) };
}

function sum(left: Amounts, right: Amounts): Amounts {
  const total = { ...left };
  add(total, right);
  return total;
}

function raise(into: Amounts, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) into[name] = Math.max(into[name] ?? 0, amount);
}
