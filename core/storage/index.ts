export {
  type DiskClient,
  type DiskError,
  diskErrorSentence,
  type DiskPorts,
  type DiskSettings,
  type FileEntry,
  HostDisk,
  SECTOR_SIZE,
} from './host-disk.ts';
