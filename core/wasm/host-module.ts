/**
 * The one WebAssembly module of a host: the interpreter generated from the instruction table, and
 * the functions over memory ranges. Its addresses are those of core/protocol/host-memory-layout.ts,
 * so every host of a realm instantiates the same compiled module over its own memory.
 */
import type { Row } from '../isa/table/row.ts';
import { addHashRange, addIsZero } from './hash-range.ts';
import { addInterpreter, startHostModule } from './interpreter.ts';

/** The bytes of the host module for `rows`. Always the same bytes for the same table. */
export function generateHostModule(rows: readonly Row[]): Uint8Array<ArrayBuffer> {
  const { module, slow } = startHostModule();
  addInterpreter(module, slow, rows);
  addHashRange(module);
  addIsZero(module);
  return module.finish();
}
