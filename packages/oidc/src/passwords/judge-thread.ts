import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

/** What is asked of the thread, which answers in the order of asking: `words` are known of the password's owner. */
export interface Judging {
  password: string;
  words: readonly string[];
}

export interface Judgement {
  /** Of 0 to 4: 10^8 guesses and more are 3. */
  score: number;
  /** It, or something like it, is on a list. */
  isListed: boolean;
}

const judge = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

parentPort?.on('message', ({ password, words }: Judging) => {
  const { score, feedback } = judge.check(password, [...words]);
  const judgement: Judgement = { score, isListed: feedback.warning !== null };
  parentPort?.postMessage(judgement);
});
