/**
 * The disks of a VM as they move: pages of 4 KiB of their files that were written, logged while rounds go on as memory's
 * dirty pages are. The file below is on every host. A VM without disks has none of this.
 */
import type { OverlayDisk } from '../formats/index.ts';
import type { Vm } from './vm.ts';

/** A page of a disk's file: number of the disk, number of the page. */
export interface DiskPage {
  readonly disk: number;
  readonly page: number;
}

/** See the file's head. */
export class VmDisks {
  private readonly vm: Vm;

  constructor(vm: Vm) {
    this.vm = vm;
  }

  /** Logs what is written from now on; all that was ever written is in the log. */
  armLog(): void {
    for (const { store } of this.disks()) store.armLog();
  }

  disarmLog(): void {
    for (const { store } of this.disks()) store.disarmLog();
  }

  dirtyCount(): number {
    return this.disks().reduce((sum, { store }) => sum + store.loggedCount(), 0);
  }

  /** Takes the log, by disk and page. */
  takeDirty(): DiskPage[] {
    return this.disks().flatMap(({ store }, disk) => store.takeLogged().map((page) => ({ disk, page })));
  }

  /** All pages that were ever written, with their content, which does not change: another takes its place. */
  written(): readonly (DiskPage & { readonly bytes: Uint8Array })[] {
    return this.disks().flatMap(({ store }, disk) => store.written().map(([page, bytes]) => ({ disk, page, bytes })));
  }

  /** Content of a page that was written. */
  readPage({ disk, page }: DiskPage): Uint8Array | undefined {
    return this.disks()[disk]?.store.page(page);
  }

  /** Puts a page that came from elsewhere in its place. False: there is no such place. */
  writePage({ disk, page }: DiskPage, bytes: Uint8Array): boolean {
    return this.disks()[disk]?.store.putPage(page, bytes) ?? false;
  }

  private disks(): readonly OverlayDisk[] {
    return this.vm.devices?.disks ?? [];
  }
}
