/**
 * The few WebAssembly names that core uses, declared here because core compiles without DOM and
 * Node types. Shapes follow the WebAssembly JavaScript Interface (W3C) and TypeScript's own
 * lib.dom, whose declarations take over where a layer that has the DOM imports core. Left out:
 * everything asynchronous, tables, globals, exceptions.
 */
declare namespace WebAssembly {
  /** A linear memory. `buffer` is a SharedArrayBuffer when the descriptor said `shared`. */
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface MemoryDescriptor {
    readonly initial: number; // 64 KiB pages
    readonly maximum?: number;
    readonly shared?: boolean;
  }
  var Memory: {
    prototype: Memory;
    new (descriptor: MemoryDescriptor): Memory;
  };
  /** A compiled module; can be posted to another realm. */
  // biome-ignore lint/suspicious/noEmptyInterface: a module has nothing to read
  interface Module {}
  var Module: {
    prototype: Module;
    new (bytes: Uint8Array<ArrayBuffer>): Module;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the interface has no narrower type for exports
  type ExportValue = any;
  type ImportValue = ((...args: number[]) => number) | Memory;
  interface Instance {
    readonly exports: Record<string, ExportValue>;
  }
  var Instance: {
    prototype: Instance;
    new (module: Module, imports?: Record<string, Record<string, ImportValue>>): Instance;
  };
  /** Whether `bytes` are a module that this engine would compile. */
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}
