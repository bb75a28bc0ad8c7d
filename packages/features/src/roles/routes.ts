import { role } from '@hexabase/contract/access/role.ts';
import { bind } from '../run/use-case.ts';
import { createRole } from './create.ts';
import { deleteRole } from './delete.ts';
import { getRole } from './get.ts';
import { listRoles } from './list.ts';
import { previewRole } from './preview.ts';
import { updateRole } from './update.ts';

const { operations } = role;

export const roleRoutes = [
  bind(operations.list, listRoles),
  bind(operations.create, createRole),
  bind(operations.preview, previewRole),
  bind(operations.get, getRole),
  bind(operations.update, updateRole),
  bind(operations.delete, deleteRole),
];
