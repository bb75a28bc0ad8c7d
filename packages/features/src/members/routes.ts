import { member } from '@hexabase/contract/people/member.ts';
import { bind } from '../run/use-case.ts';
import { addMember } from './add.ts';
import { listMembers } from './list.ts';
import { removeMember } from './remove.ts';
import { updateMember } from './update.ts';

const { operations } = member;

export const memberRoutes = [
  bind(operations.list, listMembers),
  bind(operations.add, addMember),
  bind(operations.update, updateMember),
  bind(operations.remove, removeMember),
];
