import { print } from '../product/report.ts';
import { auditPart } from './audit.ts';
import { gatewayPart } from './gateway.ts';
import { groupsPart } from './groups.ts';
import type { IdentityPart } from './part.ts';
import { tokensPart } from './tokens.ts';

/** `node tests/load/identity/report.ts PART` */
const parts: readonly IdentityPart[] = [groupsPart, tokensPart, auditPart, gatewayPart];

const part = parts.find(({ name }) => name === process.argv[2]);
if (!part) throw new Error(`There is no such part; there are ${parts.map(({ name }) => name).join(', ')}.`);
print({ title: `Identity: ${part.title}`, ...(await part.measure()) });

// The database server that the parts started ends when this process does.
process.exit();
