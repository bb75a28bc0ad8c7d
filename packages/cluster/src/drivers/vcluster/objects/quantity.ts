import { parseQuantity } from '@hexabase/kernel/quantity.ts';

/** The number behind a quantity that we wrote ourselves. Throws for what is none. */
export function quantityOf(text: string): number {
  const value = parseQuantity(text);
  if (value === null) throw new Error(`${text} is not a quantity`);
  return value;
}
