/**
 * The device tree of the board and of VMs with devices, with the nodes, names and bindings of QEMU's `virt`
 * machine, so that firmware and kernels built for it find what they expect (bindings: Linux
 * Documentation/devicetree/bindings; Devicetree Specification 0.4). Left out, because neither has
 * them: flash, fw-cfg, the platform bus, performance-monitor events. A VM has no machine mode: its tree lacks
 * the core-local interruptor and the machine's side of the interrupt controller, and the PCIe host.
 */
import {
  buildDeviceTree,
  cells,
  type DeviceTreeNode,
  type DeviceTreeProperty,
  empty,
  text,
  wideCells,
} from '../formats/index.ts';
import { CACHE_BLOCK_SIZE, getProfile, type HartProfile, type HartProfileId } from '../isa/table/index.ts';
import { type AiaChoice, guestFileCountOf, guestIndexBits, hartLine, IDENTITY_COUNT, INTERRUPT, MEMORY_MAP, type Place, RAM_ADDRESS, SOURCE_COUNT, VIRTIO_SLOT_COUNT } from './memory-map.ts';

export interface BoardTreeOptions {
  readonly ramBytes: number;
  readonly hartCount: number;
  readonly profile: HartProfileId;
  /** Whose tree it is: a bare-metal board's, or that of a VM. The board when not given. */
  readonly machine?: 'board' | 'guest';
  /** Interrupt controller; a PLIC when not given, and in a VM. */
  readonly aia?: AiaChoice;
  /** The kernel's command line. */
  readonly bootArguments?: string;
  /** Where the initial RAM disk lies. Unit: byte. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** Further nodes under /soc. */
  readonly more?: readonly DeviceTreeNode[];
}

/** Frequency of mtime. Unit: Hz. */
const TIMEBASE_HZ = 10_000_000;
/** Input clock of the serial port: 115,200 baud is divisor 2. Unit: Hz. */
const SERIAL_CLOCK_HZ = 3_686_400;

const hexadecimal = (value: number) => value.toString(16);

/** phandles: each hart's interrupt controller and cpu, the PLIC, the finisher. */
const handleOf = {
  cpu: (hart: number) => 1 + 2 * hart,
  hartController: (hart: number) => 2 + 2 * hart,
  /** What devices' interrupts go to. */
  controller: (hartCount: number) => 2 * hartCount + 1,
  aplicMachine: (hartCount: number) => 2 * hartCount + 2,
  test: (hartCount: number) => 2 * hartCount + 3,
  imsicMachine: (hartCount: number) => 2 * hartCount + 4,
  imsicSupervisor: (hartCount: number) => 2 * hartCount + 5,
};

/** How a device's interrupt is told: the PLIC wants the source, an APLIC its kind, too: active high. */
const LEVEL_HIGH = 4;
const interruptCells = (source: number, aia: AiaChoice | undefined) =>
  (aia ?? 'none') === 'none' ? [source] : [source, LEVEL_HIGH];

function node(
  name: string,
  properties: readonly DeviceTreeProperty[],
  children: readonly DeviceTreeNode[] = [],
): DeviceTreeNode {
  return { name, properties, children };
}

/** The names of riscv,isa-extensions in a riscv,isa string: single letters, then the words. */
export function extensionNames(isa: string): string[] {
  const [letters = '', ...words] = isa.split('_');
  return [...letters.slice('rv64'.length), ...words];
}

/** What a kernel must know before it uses the cache-block instructions (riscv/cpus.yaml). */
export function cacheBlockProperties({ extensions }: HartProfile): DeviceTreeProperty[] {
  if (!extensions.includes('Zicbom')) return [];
  return [cells('riscv,cbom-block-size', CACHE_BLOCK_SIZE), cells('riscv,cboz-block-size', CACHE_BLOCK_SIZE)];
}

const isGuest = ({ machine }: BoardTreeOptions) => machine === 'guest';

function cpu(hart: number, options: BoardTreeOptions): DeviceTreeNode {
  const profile = getProfile(options.profile);
  const { isaString } = profile;
  return node(
    `cpu@${hexadecimal(hart)}`,
    [
      cells('phandle', handleOf.cpu(hart)),
      text('device_type', 'cpu'),
      cells('reg', hart),
      text('status', 'okay'),
      text('compatible', 'riscv'),
      text('riscv,isa', isaString),
      text('riscv,isa-base', 'rv64i'),
      text('riscv,isa-extensions', ...extensionNames(isaString)),
      ...(isGuest(options) ? cacheBlockProperties(profile) : []),
      text('mmu-type', isGuest(options) ? 'riscv,sv39' : 'riscv,sv48'),
    ],
    [
      node('interrupt-controller', [
        cells('#address-cells', 0),
        cells('#interrupt-cells', 1),
        empty('interrupt-controller'),
        text('compatible', 'riscv,cpu-intc'),
        cells('phandle', handleOf.hartController(hart)),
      ]),
    ],
  );
}

function cpus(options: BoardTreeOptions): DeviceTreeNode {
  const harts = Array.from({ length: options.hartCount }, (_, hart) => hart);
  const cores = harts.map((hart) => node(`core${hart}`, [cells('cpu', handleOf.cpu(hart))]));
  return node(
    'cpus',
    [cells('#address-cells', 1), cells('#size-cells', 0), cells('timebase-frequency', TIMEBASE_HZ)],
    [...harts.map((hart) => cpu(hart, options)), node('cpu-map', [], [node('cluster0', [], cores)])],
  );
}

/**
 * The PCIe host: configuration and memory windows, and which wire pin p of device d reaches (PCI Bus Binding to
 * Open Firmware 2.1 §2.2, §7). Its bridge has 32-bit memory only.
 */
function pcie(options: BoardTreeOptions): DeviceTreeNode {
  const controller = handleOf.controller(options.hartCount);
  const { pcieConfiguration: configuration, pcieMemory: memory } = MEMORY_MAP;
  const MEMORY_32_BIT = 0x0200_0000;
  const map = [0, 1, 2, 3].flatMap((device) =>
    [1, 2, 3, 4].flatMap((pin) => {
      const source = INTERRUPT.pcie + ((device + pin - 1) % 4);
      return [device << 11, 0, 0, pin, controller, ...interruptCells(source, options.aia)];
    }),
  );
  return node(`pci@${hexadecimal(configuration.address)}`, [
    text('compatible', 'pci-host-ecam-generic'),
    text('device_type', 'pci'),
    wideCells('reg', configuration.address, configuration.size),
    cells('#address-cells', 3),
    cells('#size-cells', 2),
    cells('#interrupt-cells', 1),
    cells('bus-range', 0, (configuration.size >> 20) - 1),
    cells('linux,pci-domain', 0),
    empty('dma-coherent'),
    cells('ranges', MEMORY_32_BIT, 0, memory.address, 0, memory.address, 0, memory.size),
    cells('interrupt-map-mask', 3 << 11, 0, 0, 7),
    cells('interrupt-map', ...map),
  ]);
}

const at = (name: string, place: Place, ...properties: DeviceTreeProperty[]) =>
  node(`${name}@${hexadecimal(place.address)}`, [wideCells('reg', place.address, place.size), ...properties]);

/** Wires to each hart, by their bits of mip. */
const wires = (hartCount: number, ...codes: readonly number[]) =>
  cells(
    'interrupts-extended',
    ...Array.from({ length: hartCount }, (_, hart) => codes.flatMap((code) => [handleOf.hartController(hart), code])).flat(),
  );

/** The PLIC, or the two domains of the APLIC: the devices' is the child, to which the root delegates all. */
function controllers(options: BoardTreeOptions): DeviceTreeNode[] {
  const { hartCount, aia = 'none' } = options;
  const { machineExternal, supervisorExternal } = hartLine;
  const handle = handleOf.controller(hartCount);
  if (aia === 'none') {
    const sources = cells('riscv,ndev', SOURCE_COUNT);
    const compatible = text('compatible', 'sifive,plic-1.0.0', 'riscv,plic0');
    const contexts = isGuest(options) ? [supervisorExternal] : [machineExternal, supervisorExternal];
    return [
      at('plic', MEMORY_MAP.plic, cells('phandle', handle), compatible, sources, empty('interrupt-controller'), cells('#interrupt-cells', 1),
        cells('#address-cells', 0), wires(hartCount, ...contexts)),
    ];
  }
  const domain = (place: Place, phandle: number, target: DeviceTreeProperty, ...more: DeviceTreeProperty[]) =>
    at('aplic', place, cells('phandle', phandle), text('compatible', 'riscv,aplic'), cells('riscv,num-sources', SOURCE_COUNT),
      empty('interrupt-controller'), cells('#interrupt-cells', 2), target, ...more);
  const isMsi = aia === 'aplic-imsic';
  const toSupervisor = isMsi ? cells('msi-parent', handleOf.imsicSupervisor(hartCount)) : wires(hartCount, supervisorExternal);
  const toMachine = isMsi ? cells('msi-parent', handleOf.imsicMachine(hartCount)) : wires(hartCount, machineExternal);
  return [
    domain(MEMORY_MAP.aplicSupervisor, handle, toSupervisor),
    domain(MEMORY_MAP.aplicMachine, handleOf.aplicMachine(hartCount), toMachine,
      cells('riscv,children', handle), cells('riscv,delegate', handle, 1, SOURCE_COUNT)),
    ...(isMsi ? interruptFiles(options) : []),
  ];
}

/** The interrupt files of all harts, by level; a hart's guests' are in the pages behind its own. */
function interruptFiles({ hartCount, profile }: BoardTreeOptions): DeviceTreeNode[] {
  const INTERPROCESSOR_IDENTITY = 1;
  const guestBits = guestIndexBits(guestFileCountOf(getProfile(profile).extensions));
  const files = (place: Place, phandle: number, code: number, bits: number) =>
    at('imsics', { address: place.address, size: (place.size * hartCount) << bits }, cells('phandle', phandle), text('compatible', 'riscv,imsics'),
      empty('interrupt-controller'), cells('#interrupt-cells', 0), empty('msi-controller'), wires(hartCount, code),
      cells('riscv,num-ids', IDENTITY_COUNT), cells('riscv,ipi-id', INTERPROCESSOR_IDENTITY),
      ...(bits === 0 ? [] : [cells('riscv,guest-index-bits', bits)]));
  return [
    files(MEMORY_MAP.imsicSupervisor, handleOf.imsicSupervisor(hartCount), hartLine.supervisorExternal, guestBits),
    files(MEMORY_MAP.imsicMachine, handleOf.imsicMachine(hartCount), hartLine.machineExternal, 0),
  ];
}

function soc(options: BoardTreeOptions): DeviceTreeNode {
  const { hartCount } = options;
  const interrupt = (source: number) => [
    cells('interrupts', ...interruptCells(source, options.aia)),
    cells('interrupt-parent', handleOf.controller(hartCount)),
  ];
  const slots = Array.from({ length: VIRTIO_SLOT_COUNT }, (_, slot) => {
    const { address, size } = MEMORY_MAP.virtio;
    const place = { address: address + slot * size, size };
    return at('virtio_mmio', place, text('compatible', 'virtio,mmio'), ...interrupt(INTERRUPT.virtio + slot));
  });
  const clock = cells('clock-frequency', SERIAL_CLOCK_HZ);
  const ender = text('compatible', 'sifive,test1', 'sifive,test0', 'syscon');
  const local = text('compatible', 'sifive,clint0', 'riscv,clint0');
  return node(
    'soc',
    [cells('#address-cells', 2), cells('#size-cells', 2), text('compatible', 'simple-bus'), empty('ranges')],
    [
      at('rtc', MEMORY_MAP.rtc, text('compatible', 'google,goldfish-rtc'), ...interrupt(INTERRUPT.rtc)),
      at('serial', MEMORY_MAP.serial, text('compatible', 'ns16550a'), clock, ...interrupt(INTERRUPT.serial)),
      at('test', MEMORY_MAP.test, ender, cells('phandle', handleOf.test(hartCount))),
      ...slots,
      ...controllers(options),
      ...(isGuest(options) ? [] : [pcie(options), at('clint', MEMORY_MAP.clint, local, wires(hartCount, hartLine.software, hartLine.timer))]),
      ...(options.more ?? []),
    ],
  );
}

/** The tree under its root. */
export function boardTree(options: BoardTreeOptions): DeviceTreeNode {
  const { initrd } = options;
  const ends = (name: string, value: number) =>
    node(name, [
      text('compatible', `syscon-${name}`),
      cells('regmap', handleOf.test(options.hartCount)),
      cells('offset', 0),
      cells('value', value),
    ]);
  return node(
    '',
    [
      cells('#address-cells', 2),
      cells('#size-cells', 2),
      text('compatible', 'riscv-virtio'),
      text('model', 'riscv-virtio,qemu'),
    ],
    [
      node('chosen', [
        text('bootargs', options.bootArguments ?? ''),
        text('stdout-path', `/soc/serial@${hexadecimal(MEMORY_MAP.serial.address)}`),
        ...(initrd === undefined
          ? []
          : [wideCells('linux,initrd-start', initrd.start), wideCells('linux,initrd-end', initrd.end)]),
      ]),
      ends('poweroff', 0x5555),
      ends('reboot', 0x7777),
      node(`memory@${hexadecimal(RAM_ADDRESS)}`, [
        text('device_type', 'memory'),
        wideCells('reg', RAM_ADDRESS, options.ramBytes),
      ]),
      cpus(options),
      soc(options),
    ],
  );
}

/** Its bytes, as a guest finds them through a1. */
export function boardTreeBytes(options: BoardTreeOptions): Uint8Array {
  return buildDeviceTree(boardTree(options));
}
