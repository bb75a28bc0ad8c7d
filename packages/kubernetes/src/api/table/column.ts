import type { KubeObject } from '../../types.ts';
import { recordAt } from '../registry/object.ts';
import { shortDuration } from './duration.ts';

export interface CellContext {
  nowMs: number;
}

export interface Column {
  name: string;
  /** OpenAPI type; string when absent. */
  type?: 'string' | 'integer' | 'boolean' | 'date';
  format?: 'name';
  description?: string;
  /** 0 is always shown, 1 with `-o wide`. */
  priority?: 0 | 1;
  cell(object: KubeObject, context: CellContext): string | number | boolean | null;
}

export const nameColumn: Column = {
  name: 'Name',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column = {
  name: 'Age',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  cell: (object, context) => age(object.metadata.creationTimestamp, context),
};

/** The same as a point in time, for kinds without a printer of their own. */
export const createdAtColumn: Column = {
  name: 'Created At',
  type: 'date',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  cell: (object) => object.metadata.creationTimestamp,
};

export const none = '<none>';
export const unset = '<unset>';

/** How long ago a `metav1.Time` was; `<unknown>` without one. */
export function age(time: string | undefined, { nowMs }: CellContext): string {
  if (time === undefined || time === '' || time === null) return '<unknown>';
  return shortDuration(nowMs - Date.parse(time));
}

/** A column of priority 1. */
export function wide(column: Omit<Column, 'priority'>): Column {
  return { ...column, priority: 1 };
}

export const specOf = (object: KubeObject): Record<string, unknown> => recordAt(object, 'spec') ?? {};
export const statusOf = (object: KubeObject): Record<string, unknown> => recordAt(object, 'status') ?? {};

/** An integer that Go would print; absent is zero. */
export function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** Text, or `<none>` for empty and absent. */
export function orNone(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : none;
}
