/** What is typed into a VM's console in answer to what it prints. */
import { BadInput } from './terminal.ts';

/** When the console shows `prompt` ('' at once), `text` is typed. */
export interface Answer {
  readonly prompt: string;
  readonly text: string;
}

/** Answers in their order: each waits for its prompt behind the one before. */
export class Dialog {
  readonly #answers: readonly Answer[];
  #next = 0;
  #searchedTo = 0;

  /** Each is 'prompt=>text'; `first` comes before them. */
  constructor(answers: readonly string[], first: readonly Answer[] = []) {
    const read = answers.map((given) => {
      const at = given.indexOf('=>');
      if (at < 1) throw new BadInput(`--answer is '${given}'; expected 'prompt=>text'.`);
      return { prompt: given.slice(0, at), text: `${given.slice(at + 2)}\n` };
    });
    this.#answers = [...first, ...read];
  }

  /** What is to be typed now that the console shows `text`; '' for nothing. */
  reply(text: string): string {
    let typed = '';
    for (let answer = this.#answers[this.#next]; answer !== undefined; answer = this.#answers[this.#next]) {
      const at = text.indexOf(answer.prompt, this.#searchedTo);
      if (at < 0) break;
      typed += answer.text;
      this.#searchedTo = at + answer.prompt.length;
      this.#next++;
    }
    return typed;
  }
}
