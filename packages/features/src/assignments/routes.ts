import { assignment } from '@hexabase/contract/access/assignment.ts';
import { bind } from '../run/use-case.ts';
import { createAssignment } from './create.ts';
import { mayGiveInProject, mayTakeInProject } from './delegate.ts';
import { deleteAssignment } from './delete.ts';
import { listAssignments } from './list.ts';

const { operations } = assignment;

export const assignmentRoutes = [
  bind(operations.list, listAssignments),
  bind(operations.create, createAssignment, mayGiveInProject),
  bind(operations.delete, deleteAssignment, mayTakeInProject),
];
