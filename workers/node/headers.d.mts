/** Types of headers.mjs: header name → value. */
export const isolationHeaders: Readonly<Record<string, string>>;
export const contentSecurityPolicy: string;
export const servedHeaders: Readonly<Record<string, string>>;
