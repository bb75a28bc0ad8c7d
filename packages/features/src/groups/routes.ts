import { group } from '@hexabase/contract/access/group.ts';
import { bind } from '../run/use-case.ts';
import { addGroupMember } from './add-member.ts';
import { createGroup } from './create.ts';
import { deleteGroup } from './delete.ts';
import { getGroup } from './get.ts';
import { listGroupMembers } from './list-members.ts';
import { listGroups } from './list.ts';
import { moveGroup } from './move.ts';
import { removeGroupMember } from './remove-member.ts';
import { renameGroup } from './rename.ts';

const { operations } = group;

export const groupRoutes = [
  bind(operations.list, listGroups),
  bind(operations.create, createGroup),
  bind(operations.get, getGroup),
  bind(operations.rename, renameGroup),
  bind(operations.move, moveGroup),
  bind(operations.delete, deleteGroup),
  bind(operations.listMembers, listGroupMembers),
  bind(operations.addMember, addGroupMember),
  bind(operations.removeMember, removeGroupMember),
];
