/**
 * Trap causes, the values of scause and mcause (Privileged ISA 20240411, tables of scause §10.1.8
 * and, for 10 and 20 … 23, of the H extension).
 */

/** Exception codes (interrupt bit clear). */
// biome-ignore format: a row a line
export const EXCEPTIONS = [
  { code: 0,  name: 'instruction address misaligned' },
  { code: 1,  name: 'instruction access fault' },
  { code: 2,  name: 'illegal instruction' },
  { code: 3,  name: 'breakpoint' },
  { code: 4,  name: 'load address misaligned' },
  { code: 5,  name: 'load access fault' },
  { code: 6,  name: 'store/AMO address misaligned' },
  { code: 7,  name: 'store/AMO access fault' },
  { code: 8,  name: 'environment call from U-mode or VU-mode' },
  { code: 9,  name: 'environment call from HS-mode' },
  { code: 10, name: 'environment call from VS-mode' },
  { code: 11, name: 'environment call from M-mode' },
  { code: 12, name: 'instruction page fault' },
  { code: 13, name: 'load page fault' },
  { code: 15, name: 'store/AMO page fault' },
  { code: 20, name: 'instruction guest-page fault' },
  { code: 21, name: 'load guest-page fault' },
  { code: 22, name: 'virtual instruction' },
  { code: 23, name: 'store/AMO guest-page fault' },
] as const;

/** Interrupt codes (interrupt bit, bit 63, set). */
// biome-ignore format: a row a line
export const INTERRUPTS = [
  { code: 1,  name: 'supervisor software interrupt' },
  { code: 2,  name: 'virtual supervisor software interrupt' },
  { code: 3,  name: 'machine software interrupt' },
  { code: 5,  name: 'supervisor timer interrupt' },
  { code: 6,  name: 'virtual supervisor timer interrupt' },
  { code: 7,  name: 'machine timer interrupt' },
  { code: 9,  name: 'supervisor external interrupt' },
  { code: 10, name: 'virtual supervisor external interrupt' },
  { code: 11, name: 'machine external interrupt' },
  { code: 12, name: 'supervisor guest external interrupt' },
] as const;

/** Codes by name, for code that raises them. */
export const cause = {
  instructionAddressMisaligned: 0,
  illegalInstruction: 2,
  breakpoint: 3,
  loadAddressMisaligned: 4,
  storeAddressMisaligned: 6,
  environmentCallFromUser: 8,
  environmentCallFromVirtualSupervisor: 10,
  instructionPageFault: 12,
  loadPageFault: 13,
  storePageFault: 15,
  instructionGuestPageFault: 20,
  loadGuestPageFault: 21,
  storeGuestPageFault: 23,
  supervisorSoftwareInterrupt: 1,
  supervisorTimerInterrupt: 5,
  supervisorExternalInterrupt: 9,
} as const;

/** The manual's name of a cause; 'reserved' with its code where it has none. */
export function causeName(code: number, isInterrupt: boolean): string {
  const rows: readonly { readonly code: number; readonly name: string }[] = isInterrupt
    ? INTERRUPTS
    : EXCEPTIONS;
  return (
    rows.find((row) => row.code === code)?.name ??
    `reserved ${isInterrupt ? 'interrupt' : 'exception'} ${code}`
  );
}
