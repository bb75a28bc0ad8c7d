import { StatusError } from '../status-error.ts';
import { applyConfig } from './apply-managers.ts';
import { compare } from './typed/compare.ts';
import { difference, membersOf, union } from './typed/field-set.ts';
import type { Manager } from './managers.ts';
import { ownable } from './typed/ownable.ts';
import { pathText } from './typed/path-text.ts';
import { shapeOfKind } from './typed/shape.ts';

type Fields = Record<string, unknown>;

/** An object of one kind with its managers, without a server around it. */
export interface Applier {
  /** Answers the message of a conflict, or ''. */
  apply(manager: string, config: Fields, options?: { force?: boolean }): string;
  update(manager: string, next: Fields): void;
  object(): Fields;
  /** The paths that a manager owns, as text. */
  owned(manager: string): string[];
  managers(): string[];
}

export function startApplier(apiVersion: string, kind: string): Applier {
  const shape = shapeOfKind(apiVersion, kind);
  const self = (manager: string, operation: Manager['operation']): Omit<Manager, 'set'> => ({
    manager,
    operation,
    apiVersion,
    time: '',
    subresource: '',
  });
  let live: Fields = {};
  let managers: Manager[] = [];
  return {
    apply(manager, config, { force = false } = {}) {
      try {
        const applied = applyConfig({
          live,
          config,
          shape,
          managers,
          self: self(manager, 'Apply'),
          force,
          reset: undefined,
        });
        live = applied.object;
        managers = applied.managers.filter(({ set }) => set !== undefined);
        return '';
      } catch (error) {
        if (error instanceof StatusError) return error.message;
        throw error;
      }
    },
    update(manager, next) {
      const diff = compare(ownable(live), ownable(next), shape) ?? {};
      const changed = union(diff.added, diff.modified);
      const left = managers.map((each) => ({
        ...each,
        set: difference(each.set, union(changed, diff.removed)),
      }));
      const mine = left.find((each) => each.manager === manager && each.operation === 'Update');
      managers = [
        ...left.filter((each) => each !== mine),
        { ...self(manager, 'Update'), set: union(mine?.set, changed) },
      ].filter(({ set }) => set !== undefined);
      live = next;
    },
    object: () => live,
    owned: (name) => membersOf(managers.find(({ manager }) => manager === name)?.set).map(pathText),
    managers: () => managers.map(({ manager }) => manager),
  };
}
