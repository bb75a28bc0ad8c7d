import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ChartChange {
  /** Path inside of the chart. */
  file: string;
  change(text: string): string;
}

/** Copies a chart to a new folder, where one file says something else then. Answers that folder. */
export async function changedChart(
  chart: string,
  to: string,
  { file, change }: ChartChange,
): Promise<string> {
  await cp(chart, to, { recursive: true, dereference: true });
  const path = join(to, file);
  await writeFile(path, change(await readFile(path, 'utf8')));
  return to;
}

/** The same objects, labelled as of a chart that is so many minor versions ahead. */
export function minorsAhead(count: number): ChartChange {
  const version = /^version:\D*(\d+)\.(\d+)\..*$/m;
  return {
    file: 'Chart.yaml',
    change: (text) =>
      text.replace(version, (_, major, minor) => `version: ${major}.${Number(minor) + count}.0`),
  };
}
