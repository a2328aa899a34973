/**
 * The headless command line: the same core and coordinator as the page, over Node's threads.
 * Exit status: 0 when all checks hold, 1 when one does not or the run failed, 2 for bad input; of `machine` what its program says, of `guests` 3 when the machine lacks something.
 */
import { listLabs } from '../../core/world/index.ts';
import { suggestion } from './arguments.ts';
import { benchHelp, runBench } from './headless-bench.ts';
import { guestsHelp, runGuests } from './headless-guests.ts';
import { labHelp, runLab } from './headless-lab.ts';
import { machineHelp, runMachine } from './headless-machine.ts';
import { runVm, vmHelp } from './headless-vm.ts';
import { runWalkthrough, walkthroughHelp } from './headless-walkthrough.ts';
import { BadInput } from './terminal.ts';

const help = `usage: npm run -s headless -- <command> [options]

  list                 prints the labs, their knobs, faults and metrics as JSON
  lab <slug> [options] runs a lab and judges it
  walkthrough <slug>   plays a lab's walkthrough and holds what it expects
  vm [options]         runs a kernel file in a VM, its console on stdout
  machine <elf>        runs a bare-metal program on a board, its console on stdout
  guests               fetches Debian's kernel and programs for guests (npm run guests)
  bench [name]         measures speeds on this machine

--help after a command tells its options. Exit status: 0 all checks hold, 1 one does
not, 2 bad input; of machine, the program's own.
`;

const listHelp = `usage: npm run -s headless -- list

Prints the labs as a JSON list: slug, title, sentence, knobs, faults, metrics.
`;

async function main(command: string | undefined, rest: readonly string[]): Promise<number> {
  const wantsHelp = rest.includes('--help') || rest.includes('-h');
  switch (command) {
    case undefined:
      process.stderr.write(help);
      return 2;
    case '--help':
    case '-h':
    case 'help':
      process.stdout.write(help);
      return 0;
    case 'list':
      if (wantsHelp) process.stdout.write(listHelp);
      else if (rest.length > 0) throw new BadInput(`list takes no arguments, found '${rest[0]}'.`);
      else process.stdout.write(`${JSON.stringify(listLabs(), null, 2)}\n`);
      return 0;
    case 'lab':
      if (wantsHelp) process.stdout.write(labHelp);
      return wantsHelp ? 0 : runLab(rest);
    case 'walkthrough':
      if (wantsHelp) process.stdout.write(walkthroughHelp);
      return wantsHelp ? 0 : runWalkthrough(rest);
    case 'vm':
      if (wantsHelp) process.stdout.write(vmHelp);
      return wantsHelp ? 0 : runVm(rest);
    case 'machine':
      if (wantsHelp) process.stdout.write(machineHelp);
      return wantsHelp ? 0 : runMachine(rest);
    case 'guests':
      if (wantsHelp) process.stdout.write(guestsHelp);
      return wantsHelp ? 0 : await runGuests(rest);
    case 'bench':
      if (wantsHelp) process.stdout.write(benchHelp);
      return wantsHelp ? 0 : runBench(rest);
    default:
      throw new BadInput(
        `There is no command '${command}'${suggestion(command, ['list', 'lab', 'walkthrough', 'vm', 'machine', 'guests', 'bench'])}`,
      );
  }
}

// Whoever reads our output may have had enough of it (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  const [command, ...rest] = process.argv.slice(2);
  process.exitCode = await main(command, rest);
} catch (cause) {
  if (!(cause instanceof BadInput)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = 2;
}
