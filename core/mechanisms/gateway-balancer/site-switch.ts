/**
 * A site's switch, the WAN's end at that site: passes every frame on, unchanged, to the port behind which its
 * destination is. Both ends of the WAN are turned by the same knobs and faults. The WAN's own buffer is the
 * port's queue; what does not fit is dropped, and TCP notices.
 */
import { type Hash64, hashInteger } from '../../base/index.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { LinkEnd } from '../../network/index.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import type { SwitchTold } from './told.ts';

/** A knob's percent as lost frames of a million. */
const PER_MILLION = 10_000;
/** Faults: how much is lost in a burst, and how long things last. Unit: per million, ns. */
const BURST_LOSS = 200_000;
const BURST_NS = 2_000_000_000;
const CUT_NS = 3_000_000_000;

/** See the file's head. */
export class SiteSwitch implements NodePart {
  private readonly ports: NodePorts;
  private readonly site: 0 | 1;
  private readonly far: number; // the other site's switch
  private burstUntilNs = -1;
  private cutUntilNs = -1;

  constructor(ports: NodePorts) {
    this.ports = ports;
    this.site = ports.parameters['site'] === 1 ? 1 : 0;
    this.far = ports.parameters['far'] ?? -1;
  }

  onFrame(frame: Uint8Array, to: number): void {
    this.ports.forward(frame, to);
  }

  private wan(): LinkEnd | undefined {
    return this.ports.links().find(({ destination }) => destination === this.far);
  }

  onKnob(knob: string, value: number): void {
    const wan = this.wan();
    if (knob === 'wan-bandwidth') wan?.setBandwidth(Math.round(value));
    else if (knob === 'wan-latency') wan?.setLatency(Math.round(value));
    else if (knob === 'wan-loss') this.setLoss();
  }

  private setLoss(): void {
    const burst = this.ports.now() < this.burstUntilNs;
    this.wan()?.setLoss(burst ? BURST_LOSS : Math.round(this.ports.knob('wan-loss') * PER_MILLION));
  }

  onFault(fault: string): void {
    const { ports } = this;
    const now = ports.now();
    const tell = (text: string) => this.site === 0 && ports.note('fault', this.entity(), text);
    if (fault === 'wan-burst') {
      tell('a fifth of all frames is lost');
      this.burstUntilNs = now + BURST_NS;
      this.setLoss();
      ports.schedule(this.burstUntilNs, 'burst-over', {});
    } else if (fault === 'wan-cut') {
      tell('the WAN is cut');
      this.cutUntilNs = now + CUT_NS;
      this.wan()?.cut();
      ports.schedule(this.cutUntilNs, 'cut-over', {});
    }
  }

  onEvent(kind: string, _args: EventArguments, now: number): void {
    if (kind === 'burst-over') this.setLoss();
    else if (kind === 'cut-over' && now >= this.cutUntilNs) {
      this.wan()?.mend();
      if (this.site === 0) this.ports.note('mended', this.entity(), 'the WAN is whole again');
    }
  }

  private entity(): string {
    return `link:${Math.min(this.ports.id, this.far)}-${Math.max(this.ports.id, this.far)}`;
  }

  told(): SwitchTold {
    const state = this.wan()?.state;
    const { sentBytes = 0, sentFrames = 0, lostFrames = 0, droppedFrames = 0 } = state?.counters ?? {};
    return { site: this.site, wan: { sentBytes, sentFrames, lostFrames, droppedFrames, queuedBytes: state?.queuedBytes ?? 0, isUp: state?.connected ?? false } };
  }

  measure(): Readonly<Record<string, number>> {
    return { 'wan-bytes': this.wan()?.state.counters.sentBytes ?? 0 };
  }

  hashInto(hash: Hash64): void {
    hashInteger(hash, this.burstUntilNs);
    hashInteger(hash, this.cutUntilNs);
  }
}
