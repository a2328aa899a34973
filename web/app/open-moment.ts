/** Opens what a link says: starts its run, repeats its commands, and stands at its moment. */
import type { RunController } from '../session/run-controller.ts';
import type { Moment } from './moment-link.ts';

/** Gives '' or one sentence that says why not; when no run could be started, the one that was there goes on. */
export async function openMoment(controller: RunController, moment: Moment): Promise<string> {
  const { lab, seed, knobs, timeNs } = moment;
  const stands = timeNs >= 0;
  const log = moment.log === '' ? [] : await (await import('./shared-log.ts')).decodeLog(moment.log);
  if (log === undefined) return 'The commands in the link are damaged, so the run cannot be repeated; ask for the link once more.';
  const refusal = await controller.start({
    lab, seed, knobs, autoplay: moment.autoplay && !stands, ...(log.length === 0 ? {} : { log }),
  });
  if (refusal !== '' || !stands) return refusal;
  return (await controller.session?.advanceTo(timeNs)) ?? '';
}
