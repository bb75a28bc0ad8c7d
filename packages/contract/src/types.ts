import type * as z from 'zod';
import type { Operation } from './operation.ts';

/** The `{name}` parameters of a path, by name: `/workspaces/{id}/projects/{project}` gives `id` and `project`. */
export type PathParams<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { [Key in Name]: string } & PathParams<Rest>
  : unknown;

/** What the caller sends; fields with a default may be left out. */
export type QueryInput<Op extends Operation> = Op extends { query: infer Q extends z.ZodObject }
  ? z.input<Q>
  : undefined;
export type BodyInput<Op extends Operation> = Op extends { body: infer B extends z.ZodObject }
  ? z.input<B>
  : undefined;

/** What a use case gets, after validation and with defaults filled in. */
export type Query<Op extends Operation> = Op extends { query: infer Q extends z.ZodObject }
  ? z.output<Q>
  : unknown;
export type Body<Op extends Operation> = Op extends { body: infer B extends z.ZodObject }
  ? z.output<B>
  : unknown;

/** The `data` of the answer; `null` for 204. */
export type Output<Op extends Operation> = Op extends { output: infer O extends z.ZodType }
  ? z.output<O>
  : null;
