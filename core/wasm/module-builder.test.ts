// Goal: the emitter writes valid modules with the right encodings. Method: LEB128 against the
// specification's examples and round trips, a golden module byte for byte, and small functions run
// by the engine.
import { expect, test } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { ModuleBuilder } from './module-builder.ts';
import { opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';

const { i32, i64 } = valueType;
const hex = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
function written(write: (writer: ByteWriter) => void): string {
  const writer = new ByteWriter(1);
  write(writer);
  return hex(writer.finish());
}

test('LEB128', () => {
  expect(written((w) => w.unsigned(0))).toBe('00');
  expect(written((w) => w.unsigned(624485))).toBe('e5 8e 26');
  expect(written((w) => w.unsigned(0xffff_ffff))).toBe('ff ff ff ff 0f');
  expect(written((w) => w.signed32(-123456))).toBe('c0 bb 78');
  expect(written((w) => w.signed32(64))).toBe('c0 00');
  expect(written((w) => w.signed32(-64))).toBe('40');
  expect(written((w) => w.signed32(-0x8000_0000))).toBe('80 80 80 80 78');
  expect(written((w) => w.signed64(-(1n << 63n)))).toBe('80 80 80 80 80 80 80 80 80 7f');
  expect(written((w) => w.signed64(0xffff_ffff_ffff_ffffn))).toBe('7f');
  expect(() => written((w) => w.unsigned(-1))).toThrow('is a u32');
  expect(() => written((w) => w.signed32(0x8000_0000))).toThrow('is an i32');
});

test('golden: a function of two parameters', () => {
  const module = new ModuleBuilder();
  const code = module.addFunction({ parameters: [i32, i32], results: [i32] });
  code.get(0).get(1).emit(op.i32Add);
  module.exportFunction('add', code.index);
  expect(hex(module.finish())).toBe(
    '00 61 73 6d 01 00 00 00 ' + // magic, version
      '01 07 01 60 02 7f 7f 01 7f ' + // type (i32, i32) → i32
      '03 02 01 00 ' +
      '07 07 01 03 61 64 64 00 00 ' +
      '0a 09 01 07 00 20 00 20 01 6a 0b',
  );
});

test('imports, globals, blocks, a table of functions and tail calls run', () => {
  const module = new ModuleBuilder();
  module.importSharedMemory('host', 'memory', { minimum: 1, maximum: 2 });
  const twice = module.importFunction('host', 'twice', { parameters: [i32], results: [i32] });
  const global = module.addGlobal();
  const signature = { parameters: [i32], results: [i32] };
  const store = module.addFunction(signature); // memory[0] = x; global = twice(x); global
  store
    .i32(0)
    .get(0)
    .memory(mem.i32Store, 4)
    .get(0)
    .call(twice)
    .globalSet(global)
    .globalGet(global);
  const sum = module.addFunction(signature); // 1 + … + x
  const total = sum.addLocal(i32);
  sum.block().loop().get(0).emit(op.i32Eqz).branchIf(1);
  sum.get(total).get(0).emit(op.i32Add).set(total).get(0).i32(1).emit(op.i32Sub).set(0).branch(0);
  sum.emit(op.end, op.end).get(total);
  const dispatch = module.addFunction({ parameters: [i32, i32], results: [i32] });
  dispatch.get(1).get(0).returnCallIndirect(module.typeIndex(signature));
  module.setTable([store.index, sum.index]);
  module.exportFunction('dispatch', dispatch.index);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {
    host: { memory, twice: (x: number) => 2 * x },
  });
  const run = instance.exports['dispatch'] as (slot: number, x: number) => number;
  expect(run(0, 21)).toBe(42);
  expect(new Int32Array(memory.buffer)[1]).toBe(21);
  expect(run(1, 100)).toBe(5050);
  expect(() => run(2, 0)).toThrow();
});

test('equal types are one type, an open block is refused', () => {
  const module = new ModuleBuilder();
  const first = module.typeIndex({ parameters: [i64], results: [] });
  expect(module.typeIndex({ parameters: [i64], results: [] })).toBe(first);
  expect(module.typeIndex({ parameters: [], results: [i64] })).not.toBe(first);
  module.addFunction({ parameters: [], results: [] }).block();
  expect(() => module.finish()).toThrow('every block of a function is closed');
});
