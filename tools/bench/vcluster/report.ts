import { print } from '../../../tests/load/product/report.ts';
import { claimPart } from './claim.ts';
import { createPart } from './create.ts';
import { gatewayPart } from './gateway.ts';
import type { VclusterPart } from './part.ts';
import { scalePart } from './scale.ts';
import { wakePart } from './wake.ts';

/**
 * `node tools/bench/vcluster/report.ts PART`: what real vClusters on a real host cluster cost. A part is one file of this
 * folder, listed here and in `tools/bench.ts`.
 */
const parts: readonly VclusterPart[] = [createPart, claimPart, wakePart, gatewayPart, scalePart];

const part = parts.find(({ name }) => name === process.argv[2]);
if (!part) throw new Error(`There is no such part; there are ${parts.map(({ name }) => name).join(', ')}.`);
const figures = await part.run();
print({ title: `Real vClusters: ${part.title}`, how: part.how, ...figures });

// The database server that the parts started ends when this process does.
process.exit();
