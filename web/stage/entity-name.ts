/** The entity on screen that a contract's row means: 'vm' is the lab's VM, 'disk' the disk of the host shown. Pure. */

/** At host −1, which stands for all: 'site'. Else 'vm' → 'vm:1', 'link' → 'link:0-1', 'host' and what belongs to one → 'host:0', 'disk:0'. */
export function entityName(entity: string, at: { readonly vm: number; readonly host: number }): string {
  if (at.host < 0) return 'site'; // all of them together
  switch (entity) {
    case 'link': return 'link:0-1';
    case 'vm': case 'migration': case 'snapshot': case 'console': return `${entity}:${at.vm}`;
    case 'destination': return `host:${at.host === 0 ? 1 : 0}`;
    default: return `${entity}:${at.host}`;
  }
}
