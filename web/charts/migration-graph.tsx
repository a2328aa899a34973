export function MigrationGraph() { return <section className="migration" />; }
