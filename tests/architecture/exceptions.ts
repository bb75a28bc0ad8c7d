/**
 * Files that break a rule for a reason. An entry that is not needed any more fails the suite, so the list only shrinks.
 */
export const exceptions: Readonly<
  Record<'imports' | 'environment' | 'folderSize' | 'depth', Readonly<Record<string, string>>>
> = {
  imports: {},
  environment: {
    'apps/cli/src/main.ts':
      'the command line has no server configuration; it reads the environment here once',
    'packages/testkit/src/host-cluster.ts':
      'tests are told by the environment where their host cluster is; nothing of the product reads it',
  },
  folderSize: {
    'packages/postgres/src/migrations':
      'steps of a database are a list that only grows: one that was applied is never moved or merged',
  },
  depth: {},
};
