export * from './elf.ts';
export * from './elf-writer.ts';
export * from './fdt.ts';
export * from './pcapng.ts';
export * from './pcapng-merge.ts';
export * from './snapshot-file.ts';
export * from './elf-core.ts';
