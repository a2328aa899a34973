/** Where other layers enter core/wasm. */
export {
  clearDecodedPage,
  decodeOperation,
  decodeStraddling,
  OPERATION_COUNT,
  OPERATION_SIZE,
  type OperationPlace,
} from './decode-operation.ts';
export { compileHostModule, type HostModule, instantiateHostModule } from './instantiate.ts';
export { SYSTEM_HANDLERS, type SlowPaths } from './interpreter-abi.ts';
