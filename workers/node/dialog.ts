/** What is typed into a VM's console from the command line: answers to what it prints, and what a person types. */
import { BadInput } from './terminal.ts';

/** When the console shows `prompt`, `text` is typed with a line feed. */
interface Answer {
  readonly prompt: string;
  readonly text: string;
}

/** Answers in their order: each waits for its prompt behind the one before. */
export class Dialog {
  readonly #answers: readonly Answer[];
  #next = 0;
  #searchedTo = 0;

  /** Each is 'prompt=>text'. */
  constructor(answers: readonly string[]) {
    this.#answers = answers.map((given) => {
      const at = given.indexOf('=>');
      if (at < 1) throw new BadInput(`--answer is '${given}'; expected 'prompt=>text'.`);
      return { prompt: given.slice(0, at), text: given.slice(at + 2) };
    });
  }

  /** What is to be typed now that the console shows `text`; '' for nothing. */
  reply(text: string): string {
    let typed = '';
    for (let answer = this.#answers[this.#next]; answer !== undefined; answer = this.#answers[this.#next]) {
      const at = text.indexOf(answer.prompt, this.#searchedTo);
      if (at < 0) break;
      typed += `${answer.text}\n`;
      this.#searchedTo = at + answer.prompt.length;
      this.#next++;
    }
    return typed;
  }
}

/** What a person types, as it comes; a terminal gives each key at once. Control-] ends the run. */
export class Keyboard {
  #typed = '';
  #ended = false;

  constructor() {
    const { stdin } = process;
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', (text) => {
      const end = String(text).indexOf('\u001d');
      this.#ended ||= end >= 0;
      this.#typed += end < 0 ? String(text) : String(text).slice(0, end);
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  take(): string {
    const typed = this.#typed;
    this.#typed = '';
    return typed;
  }

  close(): void {
    const { stdin } = process;
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.removeAllListeners('data');
    stdin.unref();
  }
}
