export function Dialogs(_: { readonly close: () => void }) { return null; }
