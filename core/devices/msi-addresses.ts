/**
 * Where an APLIC's messages go: registers mmsiaddrcfg, mmsiaddrcfgh, smsiaddrcfg, smsiaddrcfgh of its
 * root domain and the formula over them (RISC-V AIA 1.0 §4.5.3, §4.5.4, §4.9.1). All bits of all fields are
 * writable until bit L locks the four.
 */

const LOCK = 0x8000_0000;
/** mmsiaddrcfgh: L, HHXS 28…24, LHXS 22…20, HHXW 18…16, LHXW 15…12, high PPN 11…0. */
const MACHINE_HIGH = 0x9f77_ffff;
/** smsiaddrcfgh: LHXS 22…20, high PPN 11…0. */
const SUPERVISOR_HIGH = 0x0070_0fff;

export class MsiAddresses {
  private readonly words = new Uint32Array(4);

  /** Register `index`: 0 mmsiaddrcfg, 1 mmsiaddrcfgh, 2 smsiaddrcfg, 3 smsiaddrcfgh. */
  read(index: number): number {
    return this.words[index]!;
  }

  write(index: number, value: number): void {
    if ((this.words[1]! & LOCK) !== 0) return;
    const mask = index === 1 ? MACHINE_HIGH : index === 3 ? SUPERVISOR_HIGH : 0xffff_ffff;
    this.words[index] = value & mask;
  }

  /** The four registers, for a record. */
  all(): readonly number[] {
    return [...this.words];
  }

  /** First of four words that no register can hold, −1: none. */
  static findForeign(words: readonly number[]): number {
    const masks = [0xffff_ffff, MACHINE_HIGH, 0xffff_ffff, SUPERVISOR_HIGH];
    return words.findIndex((word, index) => (word & ~masks[index]!) !== 0);
  }

  /** Puts back what {@link all} gave, locked or not. */
  putBack(words: readonly number[]): void {
    this.words.set(words);
  }

  /** Address of the interrupt file of a hart at a level; `guest` 0 is the hart's own. Below 2^56. */
  addressOf(level: 'machine' | 'supervisor', hart: number, guest: number): number {
    const common = this.words[1]!;
    const [low, high] = level === 'machine' ? [this.words[0]!, common] : [this.words[2]!, this.words[3]!];
    const base = (BigInt(high & 0xfff) << 32n) | BigInt(low);
    const lowWidth = (common >>> 12) & 15;
    const highWidth = (common >>> 16) & 7;
    const lowShift = BigInt((high >>> 20) & 7);
    const highShift = BigInt((common >>> 24) & 31) + 12n;
    const group = BigInt((hart >>> lowWidth) & (2 ** highWidth - 1));
    const within = BigInt(hart & (2 ** lowWidth - 1));
    const file = level === 'machine' ? 0n : BigInt(guest);
    const page = BigInt.asUintN(44, base | (group << highShift) | (within << lowShift) | file);
    return Number(page << 12n);
  }
}
