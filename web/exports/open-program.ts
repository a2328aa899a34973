/** Any bare-metal program on a board of its own: an ELF that begins in machine mode, with as many harts and as much memory as a small board has. */
import { parseElf } from '../../core/formats/elf.ts';
import { programScenario } from '../../core/protocol/guest-scenario.ts';
import type { RunController } from '../session/run-controller.ts';
import { openScenario } from './open-file.ts';

/** As `headless machine` has it. */
const BOARD = { memoryMiB: 128, harts: 1, profile: 'rv64gc' } as const;
/** Largest file taken as a program: it must fit the board's memory. Unit: byte. */
const PROGRAM_BYTES_MAX = 128 * 1024 * 1024;

/** Starts a file on a board in place of the present run; '' or one sentence. */
export async function openProgram(controller: RunController, file: File): Promise<string> {
  const sentence = file.size > PROGRAM_BYTES_MAX
    ? `${file.name} has ${file.size} bytes; a program on a board may have at most ${PROGRAM_BYTES_MAX} bytes.`
    : await openScenario(controller, programScenario(file.name, BOARD), new Map([[file.name, new Uint8Array(await file.arrayBuffer())]]));
  if (sentence === '') controller.store.setState(({ panels }) => ({ panels: { ...panels, console: true } }));
  else controller.store.setState({ notice: sentence });
  return sentence;
}

/** Whether a file is an ELF with a symbol `tohost`, by which bare-metal tests end. */
export async function endsByTohost(file: File): Promise<boolean> {
  if (file.size > PROGRAM_BYTES_MAX) return false;
  const elf = parseElf(new Uint8Array(await file.arrayBuffer()), { name: file.name });
  return elf.ok && elf.value.symbols.some(({ name }) => name === 'tohost');
}
