import { expect, it } from 'vitest';
import { deviceWord, placeWord } from './session-words.ts';

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1',
    'Safari on iPhone',
  ],
  ['hks on laptop', 'hks on laptop'],
  [null, 'unknown'],
])('%s is called %s', (agent, word) => expect(deviceWord(agent)).toBe(word));

it.each([
  ['127.0.0.1', 'the machine of the server'],
  ['::1', 'the machine of the server'],
  ['::ffff:127.0.0.1', 'the machine of the server'],
  ['local', 'the machine of the server'],
  ['192.168.3.4', 'a private network'],
  ['fd00::7', 'a private network'],
  ['140.82.112.3', 'the internet'],
  ['2606:50c0:8000::153', 'the internet'],
  ['not an address', 'unknown'],
  [null, 'unknown'],
])('%s is at %s', (address, word) => expect(placeWord(address)).toBe(word));
