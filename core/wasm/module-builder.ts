/**
 * Builds WebAssembly modules (WebAssembly Core 2.0 §5.5, with the tail calls of Core 3.0): types,
 * imported functions, one imported memory, functions, mutable globals, one table of functions,
 * exports. Left out: data segments, reference types, SIMD, several memories.
 */
import { assert } from '../base/assert.ts';
import { ByteWriter } from './byte-writer.ts';
import { type MemoryOpcode, type Opcode, opcode, type ValueType } from './opcode.ts';

/** Parameters and results of a function. */
export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

const EMPTY_BLOCK = 0x40;

/**
 * The body of one function under construction. Methods append an instruction and give the builder
 * back.
 */
export class FunctionBuilder {
  readonly index: number;
  readonly signature: Signature;
  readonly #locals: ValueType[] = [];
  readonly #code = new ByteWriter();
  #depth = 1;

  constructor(index: number, signature: Signature) {
    this.index = index;
    this.signature = signature;
  }

  /** Declares a local, zero at entry, and gives its index. */
  addLocal(type: ValueType): number {
    this.#locals.push(type);
    return this.signature.parameters.length + this.#locals.length - 1;
  }

  /** Instructions without immediates, in order. */
  emit(...codes: Opcode[]): this {
    for (const code of codes) {
      if (code === opcode.end) this.#depth--;
      this.#code.byte(code);
    }
    return this;
  }

  get(local: number): this {
    return this.#indexed(0x20, local);
  }
  set(local: number): this {
    return this.#indexed(0x21, local);
  }
  tee(local: number): this {
    return this.#indexed(0x22, local);
  }
  globalGet(index: number): this {
    return this.#indexed(0x23, index);
  }
  globalSet(index: number): this {
    return this.#indexed(0x24, index);
  }
  call(index: number): this {
    return this.#indexed(0x10, index);
  }
  returnCall(index: number): this {
    return this.#indexed(0x12, index);
  }
  /**
   * Tail call of the function in slot (on the stack) of table 0, which must have type `typeIndex`.
   */
  returnCallIndirect(typeIndex: number): this {
    this.#indexed(0x13, typeIndex);
    this.#code.byte(0);
    return this;
  }
  branch(depth: number): this {
    return this.#indexed(0x0c, depth);
  }
  branchIf(depth: number): this {
    return this.#indexed(0x0d, depth);
  }

  #indexed(code: number, index: number): this {
    this.#code.byte(code);
    this.#code.unsigned(index);
    return this;
  }

  i32(value: number): this {
    this.#code.byte(0x41);
    this.#code.signed32(value);
    return this;
  }
  i64(value: bigint): this {
    this.#code.byte(0x42);
    this.#code.signed64(value);
    return this;
  }

  /**
   * A load or store at (address on the stack) + `offset`. The alignment hint is 1 byte: engines
   * ignore it.
   */
  memory(code: MemoryOpcode, offset = 0): this {
    this.#code.byte(code);
    this.#code.byte(0);
    this.#code.unsigned(offset);
    return this;
  }

  block(): this {
    return this.#open(0x02, EMPTY_BLOCK);
  }
  loop(): this {
    return this.#open(0x03, EMPTY_BLOCK);
  }
  /** `if`, with a result type when both arms leave a value. */
  if(result?: ValueType): this {
    return this.#open(0x04, result ?? EMPTY_BLOCK);
  }

  #open(code: number, type: number): this {
    this.#depth++;
    this.#code.byte(code);
    this.#code.byte(type);
    return this;
  }

  /** Closes the body and appends it to the code section. */
  writeTo(section: ByteWriter): void {
    this.emit(opcode.end);
    assert(this.#depth === 0, 'every block of a function is closed');
    const body = new ByteWriter(this.#code.length + 16);
    body.unsigned(this.#locals.length);
    for (const type of this.#locals) {
      body.unsigned(1);
      body.byte(type);
    }
    body.append(this.#code);
    section.unsigned(body.length);
    section.append(body);
  }
}

/** A module under construction. Imports first, then functions; indices are final when given. */
export class ModuleBuilder {
  readonly #types = new ByteWriter();
  readonly #typeKeys: string[] = [];
  readonly #imports = new ByteWriter();
  #importCount = 0;
  #importedFunctionCount = 0;
  readonly #functions: FunctionBuilder[] = [];
  readonly #globals = new ByteWriter();
  #globalCount = 0;
  readonly #exports = new ByteWriter();
  #exportCount = 0;
  #tableFunctions: readonly number[] = [];

  /** The index of a function type, added when new. */
  typeIndex(signature: Signature): number {
    const key = `${signature.parameters.join()}:${signature.results.join()}`;
    const found = this.#typeKeys.indexOf(key);
    if (found >= 0) return found;
    this.#types.byte(0x60);
    for (const types of [signature.parameters, signature.results]) {
      this.#types.unsigned(types.length);
      for (const type of types) this.#types.byte(type);
    }
    this.#typeKeys.push(key);
    return this.#typeKeys.length - 1;
  }

  /** Imports a function and gives its index. Not possible once a function has been added. */
  importFunction(module: string, name: string, signature: Signature): number {
    assert(this.#functions.length === 0, 'imports come before functions');
    this.#imports.name(module);
    this.#imports.name(name);
    this.#imports.byte(0x00);
    this.#imports.unsigned(this.typeIndex(signature));
    this.#importCount++;
    return this.#importedFunctionCount++;
  }

  /**
   * Imports the module's shared memory. The importer's maximum must equal `maximum` (64 KiB pages).
   */
  importSharedMemory(
    module: string,
    name: string,
    pages: { readonly minimum: number; readonly maximum: number },
  ): void {
    this.#imports.name(module);
    this.#imports.name(name);
    this.#imports.byte(0x02);
    this.#imports.byte(0x03); // limits: shared, with a maximum
    this.#imports.unsigned(pages.minimum);
    this.#imports.unsigned(pages.maximum);
    this.#importCount++;
  }

  /** Adds a function, whose body the caller then fills. */
  addFunction(signature: Signature): FunctionBuilder {
    const index = this.#importedFunctionCount + this.#functions.length;
    const added = new FunctionBuilder(index, signature);
    this.#functions.push(added);
    return added;
  }

  /** Adds a mutable i32 global, 0 at start, and gives its index. */
  addGlobal(): number {
    this.#globals.byte(0x7f);
    this.#globals.byte(0x01);
    this.#globals.byte(0x41);
    this.#globals.byte(0x00);
    this.#globals.byte(opcode.end);
    return this.#globalCount++;
  }

  exportFunction(name: string, index: number): void {
    this.#exports.name(name);
    this.#exports.byte(0x00);
    this.#exports.unsigned(index);
    this.#exportCount++;
  }

  /** Makes table 0: slot k holds function `indices[k]`. Its size never changes. */
  setTable(indices: readonly number[]): void {
    this.#tableFunctions = indices;
  }

  /** The bytes of the module. */
  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter(65_536);
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte);
    const functions = new ByteWriter();
    const code = new ByteWriter(65_536);
    for (const added of this.#functions) {
      functions.unsigned(this.typeIndex(added.signature));
      added.writeTo(code);
    }
    section(out, 1, this.#typeKeys.length, this.#types);
    section(out, 2, this.#importCount, this.#imports);
    section(out, 3, this.#functions.length, functions);
    if (this.#tableFunctions.length > 0) section(out, 4, 1, this.#tableType());
    section(out, 6, this.#globalCount, this.#globals);
    section(out, 7, this.#exportCount, this.#exports);
    if (this.#tableFunctions.length > 0) section(out, 9, 1, this.#elements());
    section(out, 10, this.#functions.length, code);
    return out.finish();
  }

  #tableType(): ByteWriter {
    const table = new ByteWriter();
    table.byte(0x70); // funcref
    table.byte(0x01); // limits: with a maximum
    table.unsigned(this.#tableFunctions.length);
    table.unsigned(this.#tableFunctions.length);
    return table;
  }

  #elements(): ByteWriter {
    const elements = new ByteWriter();
    elements.byte(0x00); // active, table 0, function indices
    elements.byte(0x41);
    elements.byte(0x00); // from slot 0
    elements.byte(opcode.end);
    elements.unsigned(this.#tableFunctions.length);
    for (const index of this.#tableFunctions) elements.unsigned(index);
    return elements;
  }
}

function section(out: ByteWriter, id: number, count: number, items: ByteWriter): void {
  if (count === 0) return;
  const header = new ByteWriter();
  header.unsigned(count);
  out.byte(id);
  out.unsigned(header.length + items.length);
  out.append(header);
  out.append(items);
}
