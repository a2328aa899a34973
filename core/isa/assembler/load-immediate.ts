/** The shortest of the usual lui/addi/slli chains that leave a 64-bit constant in a register. */

/**
 * One instruction of a chain; the first reads x0 (addi) or nothing (lui), the others the register
 * itself.
 */
export interface LoadStep {
  readonly name: 'lui' | 'addi' | 'addiw' | 'slli';
  readonly immediate: number; // as in Operands: lui's with its low 12 bits clear
}

/**
 * Steps for `constant`, −2^63 … 2^64 − 1, at most 8. Below 33 bits signed: lui and/or addi(w). Else
 * the low 12 bits are split off, trailing zeros shifted out, and the rest is loaded first.
 */
export function loadImmediate(constant: bigint): readonly LoadStep[] {
  const value = BigInt.asIntN(64, constant);
  const low = BigInt.asIntN(12, value);
  if (value === BigInt.asIntN(32, value)) {
    const high = Number(BigInt.asIntN(32, value - low));
    if (high === 0) return [{ name: 'addi', immediate: Number(low) }];
    const load: LoadStep = { name: 'lui', immediate: high };
    return low === 0n ? [load] : [load, { name: 'addiw', immediate: Number(low) }];
  }
  let rest = BigInt.asIntN(64, value - low) >> 12n;
  let shift = 12;
  while ((rest & 1n) === 0n) {
    rest >>= 1n;
    shift++;
  }
  const steps: LoadStep[] = [...loadImmediate(rest), { name: 'slli', immediate: shift }];
  if (low !== 0n) steps.push({ name: 'addi', immediate: Number(low) });
  return steps;
}
