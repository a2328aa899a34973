import type { ReactNode } from 'react';
export function Panels({ children }: { readonly children: ReactNode }) { return <>{children}</>; }
