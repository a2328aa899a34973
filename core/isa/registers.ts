/**
 * Register names: x0 … x31, f0 … f31 and those of the calling convention (RISC-V ABIs 1.0, integer
 * and floating-point register conventions).
 */

/** ABI name of x0 … x31, as objdump prints them. */
// biome-ignore format: eight a line
export const REGISTER_NAMES = [
  'zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2',
  's0', 's1', 'a0', 'a1', 'a2', 'a3', 'a4', 'a5',
  'a6', 'a7', 's2', 's3', 's4', 's5', 's6', 's7',
  's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6',
] as const;

/** ABI name of f0 … f31. */
// biome-ignore format: eight a line
export const FLOAT_REGISTER_NAMES = [
  'ft0', 'ft1', 'ft2', 'ft3', 'ft4', 'ft5', 'ft6', 'ft7',
  'fs0', 'fs1', 'fa0', 'fa1', 'fa2', 'fa3', 'fa4', 'fa5',
  'fa6', 'fa7', 'fs2', 'fs3', 'fs4', 'fs5', 'fs6', 'fs7',
  'fs8', 'fs9', 'fs10', 'fs11', 'ft8', 'ft9', 'ft10', 'ft11',
] as const;

/** Rounding modes as assembly names them; reserved ones are empty (Unprivileged 20240411 §21.2). */
export const ROUNDING_MODES = ['rne', 'rtz', 'rdn', 'rup', 'rmm', '', '', 'dyn'] as const;

const numberOfFloatName: ReadonlyMap<string, number> = new Map([
  ...FLOAT_REGISTER_NAMES.map((name, index): [string, number] => [name, index]),
  ...FLOAT_REGISTER_NAMES.map((_, index): [string, number] => [`f${index}`, index]),
]);

/** The number (0 … 31) of the float register called `name` ('fa0', 'f10'), or undefined. */
export function findFloatRegister(name: string): number | undefined {
  return numberOfFloatName.get(name);
}

/** ABI name of float register `number` (0 … 31). */
export function floatRegisterName(number: number): string {
  return FLOAT_REGISTER_NAMES[number] ?? `f${number}`;
}

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
