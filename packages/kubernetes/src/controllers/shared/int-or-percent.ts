import type { IntOrPercent } from '../../objects.ts';

/** `3` or `25%` of `total`, rounded as told (intstr.GetScaledValueFromIntOrPercent). */
export function scaledValue(value: IntOrPercent | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = Number.parseInt(value, 10);
  if (Number.isNaN(percent)) return 0;
  if (!value.endsWith('%')) return percent;
  return round === 'up' ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
}
