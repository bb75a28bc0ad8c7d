import { fieldOf, metaOf, textOf, type Json } from '../host/objects.ts';

/** A volume that was asked for so long ago does not just take its time. */
const provisioningMsMax = 60_000;

/**
 * What was last said of a claim that is pending and does not come by itself, '' when nobody said why; null for one that
 * just takes its time, or waits for a pod as its class has it.
 */
export function claimTrouble(
  claim: Json,
  { events, isWaitedFor }: { events: readonly Json[]; isWaitedFor: boolean },
): string | null {
  const { name } = metaOf(claim);
  const told = events.filter(
    (event) =>
      fieldOf(event, 'involvedObject', 'kind') === 'PersistentVolumeClaim' &&
      fieldOf(event, 'involvedObject', 'name') === name,
  );
  const warning = latest(told.filter((event) => event['type'] === 'Warning'));
  // Nobody warns of a provisioner that is not there: it is only asked again and again.
  const asked = latest(told.filter(({ reason }) => reason === 'ExternalProvisioning'));
  // A class that waits for its pod leaves every claim pending for a moment.
  const isPassing = !warning && !isWaitedFor && !(asked && spanMs(asked) >= provisioningMsMax);
  if (isPassing && textOf(fieldOf(claim, 'spec', 'storageClassName')) !== '') return null;
  return textOf((warning ?? asked)?.['message']);
}

/** Of those that are given, the one that was told last. */
export function latest(events: readonly Json[]): Json | undefined {
  const at = (event: Json) => textOf(event['lastTimestamp']) || textOf(event['eventTime']);
  return events.toSorted((a, b) => at(b).localeCompare(at(a)))[0];
}

/** From the first to the last time that it was told. */
function spanMs(event: Json): number {
  return Date.parse(textOf(event['lastTimestamp'])) - Date.parse(textOf(event['firstTimestamp']));
}
