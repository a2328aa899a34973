/**
 * Integer register names: x0 … x31 and those of the calling convention (RISC-V ABIs 1.0, integer
 * register convention).
 */

/** ABI name of x0 … x31, as objdump prints them. */
// biome-ignore format: eight a line
export const REGISTER_NAMES = [
  'zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2',
  's0', 's1', 'a0', 'a1', 'a2', 'a3', 'a4', 'a5',
  'a6', 'a7', 's2', 's3', 's4', 's5', 's6', 's7',
  's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6',
] as const;

const numberOfName: ReadonlyMap<string, number> = new Map([
  ...REGISTER_NAMES.map((name, index): [string, number] => [name, index]),
  ...REGISTER_NAMES.map((_, index): [string, number] => [`x${index}`, index]),
  ['fp', 8],
]);

/** The number (0 … 31) of the register called `name` ('a0', 'x10', 'fp'), or undefined. */
export function findRegister(name: string): number | undefined {
  return numberOfName.get(name);
}

/** ABI name of register `number` (0 … 31). */
export function registerName(number: number): string {
  return REGISTER_NAMES[number] ?? `x${number}`;
}
