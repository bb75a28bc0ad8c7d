import { asJson } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { cmp, formatQuantity, tryParseQuantity } from '../../schema/quantity.ts';
import type { Quantity } from '../../schema/quantity.ts';
import { qualifiedName } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Rules of a container's `resources`: known names, no negative amounts, requests within limits. */
export function checkResources(resources: Json, path: string, problems: Problems): void {
  const limits = checkAmounts(
    asJson(resources['limits']),
    { path: `${path}.limits`, names: checkContainerResource },
    problems,
  );
  const requests = checkAmounts(
    asJson(resources['requests']),
    { path: `${path}.requests`, names: checkContainerResource },
    problems,
  );
  for (const [name, request] of requests) {
    const limit = limits.get(name);
    const overcommit = !name.includes('/') && !name.startsWith('hugepages-');
    if (limit && !overcommit && cmp(request, limit) !== 0) {
      problems.invalid(
        `${path}.requests`,
        formatQuantity(request),
        `must be equal to ${name} limit of ${formatQuantity(limit)}`,
      );
    } else if (limit && cmp(request, limit) > 0) {
      problems.invalid(
        `${path}.requests`,
        formatQuantity(request),
        `must be less than or equal to ${name} limit of ${formatQuantity(limit)}`,
      );
    }
  }
}

interface AmountRules {
  path: string;
  names: (name: string, path: string, problems: Problems) => void;
}

/** Rules of a map of resource amounts; answers those that could be read. */
export function checkAmounts(
  amounts: Json,
  { path, names }: AmountRules,
  problems: Problems,
): Map<string, Quantity> {
  const parsed = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(amounts)) {
    const at = `${path}[${name}]`;
    names(name, at, problems);
    const quantity = tryParseQuantity(value);
    if (!quantity) continue;
    parsed.set(name, quantity);
    if (quantity.nano < 0n)
      problems.invalid(at, formatQuantity(quantity), 'must be greater than or equal to 0');
  }
  return parsed;
}

function checkContainerResource(name: string, path: string, problems: Problems): void {
  const messages = qualifiedName(name);
  checkFormat(path, name, { messages, problems });
  if (messages.length > 0 || name.includes('/')) return;
  if (!STANDARD.has(name) && !name.startsWith('hugepages-'))
    problems.invalid(path, name, 'must be a standard resource for containers');
}
