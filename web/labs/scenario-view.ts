/** How the world of a scenario file is shown that belongs to no lab, by what stands in it: a bare-metal board, one host, or the first two. */
import { DATACENTER_LAB, type LoadedLab, NO_LAB, type StoryButton } from './lab-view.ts';

const NO_BUTTON: StoryButton = { id: '', args: {}, title: '', primary: false };

/** How a bare-metal board by itself is shown: its memory and its console. */
const BOARD_LAB: LoadedLab = {
  ...NO_LAB,
  contract: {
    ...NO_LAB.contract,
    id: 'board',
    title: 'Bare metal',
    sentence: 'A machine by itself, from the first instruction in machine mode on: type into its console.',
    leavesOut: ['The speed of the serial line: a byte leaves at once.', 'Delays between a device’s wire and the hart that it interrupts.', 'Debug mode and non-maskable interrupts.'],
  },
  walkthrough: { lab: 'board', steps: [] },
  view: {
    lab: 'board',
    stage: { picture: 'memories', left: { map: 'vm', host: 0 }, between: 'nothing', right: 'nothing' },
    strip: [],
    charts: [{ view: 'page-heat' }, { view: 'memory-map' }, { view: 'console-gaps' }, { view: 'registers' }],
  },
  story: {
    chapterAfter: (chapter) => chapter,
    knobsAreShown: () => false,
    tell: ({ hosts, lab }) => {
      const reason = hosts[0]?.vms[0]?.reason ?? '';
      if (reason === '') return { sentence: lab.contract.sentence, button: NO_BUTTON };
      return { sentence: reason, button: { id: 'reset', args: {}, title: 'Start again', primary: true } };
    },
    summary: ({ hosts }) => hosts.flatMap(({ vms }) => vms.map(({ name, guest, state, reason }) => `${guest} is ${state} on the bare-metal board ${name}. ${reason}`))[0] ?? '',
  },
};

/** See the file's head. `text`: of the scenario file. */
export function viewOfScenario(text: string | undefined): LoadedLab {
  const { hosts, boards, links } = countsOf(text ?? '');
  if (hosts === 0 && boards === 1) return BOARD_LAB;
  const { view } = DATACENTER_LAB;
  const left = { map: 'vm', host: 0 } as const;
  if (hosts + boards === 1) return { ...DATACENTER_LAB, view: { ...view, stage: { picture: 'memories', left, between: 'nothing', right: 'nothing' } } };
  if (links > 0 || hosts !== 1) return DATACENTER_LAB;
  return { ...DATACENTER_LAB, view: { ...view, stage: { picture: 'memories', left, between: 'nothing', right: { map: 'vm', host: 1 } } } };
}

/** Entries of a file's lists; of a text that is none there are none, and its door says so. */
function countsOf(text: string): { readonly hosts: number; readonly boards: number; readonly links: number } {
  const none = { hosts: 0, boards: 0, links: 0 };
  try {
    const { hosts, boards, links } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const count = (list: unknown) => (Array.isArray(list) ? list.length : 0);
    return { hosts: count(hosts), boards: count(boards), links: count(links) };
  } catch {
    return none;
  }
}
