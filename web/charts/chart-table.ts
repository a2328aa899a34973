/** The table twin of a picture: the same numbers with their units, for the screen reader and for a CSV file. Pure. */

export interface ChartColumn {
  readonly title: string;
  readonly unit: string; // '' for text
  readonly entity: string;
}

export interface ChartTable {
  readonly title: string;
  readonly columns: readonly ChartColumn[];
  readonly rows: readonly (readonly (number | string)[])[];
}

function cell(value: number | string): string {
  const text = typeof value === 'number' ? (Number.isFinite(value) ? String(value) : '') : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The table as CSV (RFC 4180): a header row "Title (unit)", numbers in full precision; the caption as a comment row at the end. */
export function tableCsv(table: ChartTable, caption: string): string {
  const head = table.columns.map((column) => cell(column.unit === '' ? column.title : `${column.title} (${column.unit})`));
  const rows = table.rows.map((row) => row.map(cell).join(','));
  return [head.join(','), ...rows, cell(`# ${caption}`), ''].join('\r\n');
}
