import type { Operation } from '@hexabase/contract/operation.ts';
import fastJson from 'fast-json-stringify';
import * as z from 'zod';

/** Turns an envelope into JSON text. Only what the contract names is written: a column more in a row cannot leak. */
export type Encoder = (envelope: { data: unknown; meta: Record<string, unknown> }) => string;

/** Compiles the encoder of an operation from its output schema; done once, at start. */
export function encoderOf(operation: Operation): Encoder {
  const output = operation.output ?? z.null();
  const { $schema: _dialect, ...data } = z.toJSONSchema(output, { target: 'draft-7', io: 'output' });
  const { definitions, ...schema } = data;
  const meta = {
    type: 'object',
    properties: {
      page: integer,
      limit: integer,
      total: integer,
      totalIsMinimum: { type: 'boolean' },
      requestId: { type: 'string' },
    },
  };
  const root = {
    type: 'object',
    properties: { data: schema, meta },
    ...(definitions ? { definitions } : {}),
  };
  const stringify = fastJson(JSON.parse(JSON.stringify(root)));
  return (envelope) => stringify(envelope);
}

const integer = { type: 'integer' };
