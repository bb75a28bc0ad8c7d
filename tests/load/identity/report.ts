import { print, type Row } from '../product/report.ts';
import { groupsPart } from './groups.ts';
import type { IdentityPart } from './part.ts';

/** Measured one after the other; `node tests/load/identity/report.ts [NAME…]` takes only the named ones. */
const parts: readonly IdentityPart[] = [groupsPart];

const wanted = process.argv.slice(2);
const rows: Row[] = [];
const how: string[] = [];
const details: Record<string, unknown> = {};
for (const part of parts) {
  if (wanted.length > 0 && !wanted.includes(part.name)) continue;
  const measured = await part.measure();
  rows.push(...measured.rows);
  how.push(measured.how);
  details[part.name] = measured.details;
}
print({ title: 'Identity and access', how: how.join(' '), rows, details });
