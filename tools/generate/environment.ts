import { environmentVariables } from '../../apps/server/src/config.ts';

/** `docs/generated/environment.md`. */
export function environmentTable(): string {
  const rows = Object.entries(environmentVariables).map(([name, help]) => `| \`${name}\` | ${help} |`);
  return `# Environment variables

| variable | meaning |
|---|---|
${rows.join('\n')}`;
}
