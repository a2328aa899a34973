/**
 * The question after a grant that nobody answered: QUERY(term) on a connection of its own, so that
 * it overtakes a token that is stuck in the stream. The question makes an untaken term void
 * (handover.ts).
 */
import { encodeRecord, PageStreamDecoder, recordKind } from '../../hypervisor/page-stream.ts';
import type { MigrationHost, StreamConnection, StreamHandler } from './ports.ts';
import { readTime } from './payload.ts';

/** Who is told of an answer. */
export interface QuestionAsker {
  onTaken(term: number, resumedAtNs: number): void;
  onVoid(term: number): void;
}

/** One question on one connection; asking again makes a new one. */
export class Question implements StreamHandler {
  private readonly connection: StreamConnection;
  private readonly decoder = new PageStreamDecoder();
  private readonly asker: QuestionAsker;
  private readonly vm: number;
  private readonly term: number;
  private over = false;

  constructor(
    host: MigrationHost,
    asker: QuestionAsker,
    about: { readonly to: number; readonly vm: number; readonly term: number },
  ) {
    this.asker = asker;
    this.vm = about.vm;
    this.term = about.term;
    this.connection = host.connect(about.to, this);
  }

  onConnected(): void {
    this.connection.send(encodeRecord('query', { argument: this.term, extra: this.vm }));
  }

  onReadable(): void {
    while (!this.over) {
      const bytes = this.connection.receive();
      if (bytes.length === 0) return;
      this.read(bytes);
    }
  }

  private read(bytes: Uint8Array): void {
    this.decoder.feed(bytes, (kind, argument, _extra, source, at, size) => {
      if (argument !== this.term) return true;
      if (kind === recordKind.taken) {
        this.end();
        this.asker.onTaken(this.term, readTime(source.subarray(at, at + size)));
      } else if (kind === recordKind.void) {
        this.end();
        this.asker.onVoid(this.term);
      }
      return !this.over;
    });
  }

  onAcknowledged(): void {
    // Nothing waits for room: a question is one record.
  }

  onClosed(): void {
    this.over = true; // the asker's timer asks again
  }

  /** No answer is wanted any more. */
  drop(): void {
    if (this.over) return;
    this.over = true;
    this.connection.abort();
  }

  private end(): void {
    this.over = true;
    this.connection.close();
  }
}
