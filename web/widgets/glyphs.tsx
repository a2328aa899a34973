/** Our own glyphs for things of the domain. 16 × 16, strokes of 1.5 px, colour of the text. */
import type { ReactNode } from 'react';

function Glyph({ children }: { readonly children: ReactNode }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      {children}
    </svg>
  );
}

/** A rack server. */
export const HostGlyph = () => (
  <Glyph>
    <rect x="1.5" y="2.5" width="13" height="4.5" />
    <rect x="1.5" y="9" width="13" height="4.5" />
    <path d="M4 4.75h3M4 11.25h3" />
  </Glyph>
);

/** A bare-metal board: a circuit board with a chip, its tracks and a connector. */
export const BoardGlyph = () => (
  <Glyph>
    <rect x="1.5" y="1.5" width="13" height="13" rx="1" />
    <rect x="5" y="4.5" width="5" height="5" fill="currentColor" stroke="none" />
    <path d="M10 7h4.5M7.5 9.5v2.5M3.5 13h9" />
  </Glyph>
);

/** A virtual machine: pages inside a frame. */
export const VmGlyph = () => (
  <Glyph>
    <rect x="1.5" y="1.5" width="13" height="13" />
    <path d="M5 5h2.5v2.5H5zM8.5 8.5H11V11H8.5z" fill="currentColor" stroke="none" />
  </Glyph>
);

/** A hart (processor core). Filled when it runs a guest. */
export const HartGlyph = ({ busy }: { readonly busy: boolean }) => (
  <Glyph>
    <rect x="3.5" y="3.5" width="9" height="9" fill={busy ? 'currentColor' : 'none'} />
    <path d="M6 1v2M10 1v2M6 13v2M10 13v2M1 6h2M1 10h2M13 6h2M13 10h2" />
  </Glyph>
);

/** A disk: a drum. */
export const DiskGlyph = () => (
  <Glyph>
    <ellipse cx="8" cy="4" rx="6" ry="2.5" />
    <path d="M2 4v8c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5V4" />
  </Glyph>
);
