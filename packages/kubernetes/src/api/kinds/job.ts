import type { KubeObject } from '../../types.ts';
import { ensureRecord, recordAt } from '../registry/object.ts';

/** Gives a Job the selector and pod labels that tie its pods to it, unless `manualSelector` says that the user does. */
export function prepareJob(job: KubeObject): void {
  job['status'] = {};
  const spec = ensureRecord(job, 'spec');
  if (spec['manualSelector'] === true) return;
  const uid = job.metadata.uid;
  const labels = ensureRecord(ensureRecord(ensureRecord(spec, 'template'), 'metadata'), 'labels');
  labels['controller-uid'] ??= uid;
  labels['batch.kubernetes.io/controller-uid'] ??= uid;
  labels['job-name'] ??= job.metadata.name;
  labels['batch.kubernetes.io/job-name'] ??= job.metadata.name;
  const selector = ensureRecord(spec, 'selector');
  const matchLabels = recordAt(selector, 'matchLabels') ?? {};
  if (matchLabels['controller-uid'] === undefined) matchLabels['batch.kubernetes.io/controller-uid'] ??= uid;
  selector['matchLabels'] = matchLabels;
}
