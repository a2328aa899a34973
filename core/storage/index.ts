export { CHANGED_BLOCK_BYTES, ChangedBlocks, readChangedBlocks } from './changed-blocks.ts';
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
export { mergeWrites } from './merge-writes.ts';
export { type ByteStream, type ChannelOwner, MessageChannel } from './message-channel.ts';
export { RecoveryVolume } from './recovery-volume.ts';
export {
  digestBytes, digestText, encodeMessage, type Message, type MessageName, MessageReader, message,
} from './replication-message.ts';
export { type TapMode, type TapOutlet, type TappedVolume, WriteTap } from './write-tap.ts';
