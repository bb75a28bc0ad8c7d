import { project } from '@hexabase/contract/project.ts';
import { bind } from '../run/use-case.ts';
import { createProject } from './create.ts';
import { deleteProject } from './delete.ts';
import { getProject } from './get.ts';
import { listProjects } from './list.ts';

const { operations } = project;

export const projectRoutes = [
  bind(operations.list, listProjects),
  bind(operations.create, createProject),
  bind(operations.get, getProject),
  bind(operations.delete, deleteProject),
];
