/** What a narration file calls itself, in `format`. */
export const NARRATION_FORMAT = 'glasshouse-narration';
