/**
 * JSON.parse keeps the last of two equal keys without a word. This finds the first key that stands twice in
 * one object, in a text that JSON.parse has taken already.
 */

interface Level {
  readonly keys: Set<string> | undefined; // undefined: a list
  index: number; //                          of the element, in a list
  key: string; //                            of the present member, in an object
  expectsKey: boolean;
}

const STRING = /"(?:[^"\\]|\\.)*"/y;

/** The path of the first key that is there twice, such as 'hosts[1].name'; undefined when none is. O(text). */
export function findDuplicateKey(text: string): string | undefined {
  const levels: Level[] = [];
  let at = 0;
  while (at < text.length) {
    const letter = text[at] ?? '';
    const level = levels.at(-1);
    if (letter === '"') {
      STRING.lastIndex = at;
      const found = STRING.exec(text)?.[0];
      if (found === undefined) return undefined;
      at += found.length;
      if (level?.keys === undefined || !level.expectsKey) continue;
      level.key = JSON.parse(found) as string;
      level.expectsKey = false;
      if (level.keys.has(level.key)) return pathOf(levels);
      level.keys.add(level.key);
      continue;
    }
    if (letter === '{') levels.push({ keys: new Set(), index: 0, key: '', expectsKey: true });
    else if (letter === '[') levels.push({ keys: undefined, index: 0, key: '', expectsKey: false });
    else if (letter === '}' || letter === ']') levels.pop();
    else if (letter === ',' && level !== undefined) {
      level.index++;
      level.expectsKey = level.keys !== undefined;
    }
    at++;
  }
  return undefined;
}

function pathOf(levels: readonly Level[]): string {
  return levels
    .map(({ keys, key, index }) => (keys === undefined ? `[${index}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}
