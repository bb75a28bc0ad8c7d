import { cmp, formatQuantity, type Quantity } from '../schema/quantity.ts';
import { textOf, type Json } from '../auth/fields.ts';
import { amountsOf, type Amounts } from './pod-resources.ts';

/** What is measured; claims have no limits, their maximum holds for the request. */
export interface Measured {
  requests: Amounts;
  limits?: Amounts;
}

/** How the amounts break one item of a LimitRange, in upstream's words (plugin LimitRanger). */
export function limitProblems(limit: Json, measured: Measured): string[] {
  const type = textOf(limit['type']);
  const check = (list: unknown, rule: (name: string, bound: Quantity) => string | undefined) =>
    [...amountsOf(list)].flatMap(([name, bound]) => rule(name, bound) ?? []);
  return [
    ...check(limit['min'], (name, bound) =>
      belowMin(`minimum ${name} usage per ${type}`, bound, amountsAt(measured, name)),
    ),
    ...check(limit['max'], (name, bound) =>
      measured.limits
        ? aboveMax(`maximum ${name} usage per ${type}`, bound, amountsAt(measured, name))
        : aboveMaxRequest(`maximum ${name} usage per ${type}`, bound, amountsAt(measured, name)),
    ),
    ...check(limit['maxLimitRequestRatio'], (name, bound) =>
      aboveRatio(`${name} max limit to request ratio per ${type}`, bound, amountsAt(measured, name)),
    ),
  ];
}

interface Pair {
  request: Quantity | undefined;
  limit: Quantity | undefined;
}

function amountsAt(measured: Measured, name: string): Pair {
  return { request: measured.requests.get(name), limit: measured.limits?.get(name) };
}

function belowMin(what: string, bound: Quantity, { request, limit }: Pair): string | undefined {
  const start = `${what} is ${formatQuantity(bound)}`;
  if (!request) return `${start}.  No request is specified`;
  if (cmp(request, bound) < 0) return `${start}, but request is ${formatQuantity(request)}`;
  return limit && cmp(limit, bound) < 0 ? `${start}, but limit is ${formatQuantity(limit)}` : undefined;
}

function aboveMax(what: string, bound: Quantity, { request, limit }: Pair): string | undefined {
  const start = `${what} is ${formatQuantity(bound)}`;
  if (!limit) return `${start}.  No limit is specified`;
  if (cmp(limit, bound) > 0) return `${start}, but limit is ${formatQuantity(limit)}`;
  return request && cmp(request, bound) > 0
    ? `${start}, but request is ${formatQuantity(request)}`
    : undefined;
}

function aboveMaxRequest(what: string, bound: Quantity, { request }: Pair): string | undefined {
  const start = `${what} is ${formatQuantity(bound)}`;
  if (!request) return `${start}.  No request is specified`;
  return cmp(request, bound) > 0 ? `${start}, but request is ${formatQuantity(request)}` : undefined;
}

function aboveRatio(what: string, bound: Quantity, { request, limit }: Pair): string | undefined {
  const start = `${what} is ${formatQuantity(bound)}`;
  if (!request || request.nano === 0n) return `${start}, but no request is specified or request is 0`;
  if (!limit || limit.nano === 0n) return `${start}, but no limit is specified or limit is 0`;
  const ratio = Number(limit.nano) / Number(request.nano);
  return ratio > Number(bound.nano) / 1e9 ? `${start}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
