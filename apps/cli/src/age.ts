const units = [
  { letter: 'd', seconds: 86_400 },
  { letter: 'h', seconds: 3_600 },
  { letter: 'm', seconds: 60 },
] as const;

/** The time since a timestamp, as kubectl shows it: `45s`, `12m`, `5h`, `3d`. */
export function shortAge(timestamp: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(timestamp)) / 1000));
  const unit = units.find((candidate) => seconds >= candidate.seconds * 2);
  return unit ? `${Math.floor(seconds / unit.seconds)}${unit.letter}` : `${seconds}s`;
}
