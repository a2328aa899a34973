/** What this browser can do, looked at before anything is started; what it cannot is one sentence with what to do. */

/** '' or why the page cannot run here. Injected globals, so that tests can take things away. */
export function unsupportedBecause(scope: {
  readonly WebAssembly?: { readonly Memory?: unknown; readonly Module?: unknown };
  readonly Worker?: unknown;
  readonly BigInt64Array?: unknown;
  readonly CSS?: { supports(property: string, value: string): boolean };
}): string {
  if (scope.WebAssembly?.Memory === undefined || scope.WebAssembly.Module === undefined) {
    return 'This browser has no WebAssembly; please open Glasshouse in a current Chrome, Edge, Firefox or Safari.';
  }
  if (scope.Worker === undefined) return 'This browser has no web workers; please open Glasshouse in a current Chrome, Edge, Firefox or Safari.';
  if (scope.BigInt64Array === undefined || scope.CSS?.supports('color', 'light-dark(black, white)') !== true) {
    return 'This browser is too old; please open Glasshouse in a current Chrome, Edge, Firefox or Safari.';
  }
  return '';
}

/** A note when the tab is not isolated: it still runs, in one worker, with the same run hash. */
export const NOT_ISOLATED = 'This page is not cross-origin isolated, so the run uses one worker and the picture is copied; the run itself is the same.';
