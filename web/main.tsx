/** The page's entry: checks what the browser can do, builds the parts, starts the run that the address names. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { contract } from '../core/mechanisms/precopy-migration/contract.ts';
import { makeActions } from './app/actions.ts';
import { App } from './app/app.tsx';
import { COMMAND_ROWS, makeCommandRegistry } from './app/commands.ts';
import { FrameLoop } from './app/frame-loop.ts';
import { parseMoment } from './app/moment-link.ts';
import { makeFakeSession } from './session/fake-session.ts';
import { AppContext } from './session/react.ts';
import { RunController } from './session/run-controller.ts';
import { makeStore } from './session/store.ts';
import { StageScene } from './stage/stage-scene.ts';
import './styles/tokens.css';
import './styles/base.css';

function start(root: HTMLElement): void {
  const { moment, sentence } = parseMoment(location.hash, contract);
  const spec = { lab: moment.lab, seed: moment.seed, knobs: moment.knobs };
  const store = makeStore(spec, moment.density === '' ? 'lab' : moment.density);
  const loop = new FrameLoop();
  const controller = new RunController(store, makeFakeSession);
  const scene = new StageScene();
  const actions = makeActions({ controller, scene });
  const commands = makeCommandRegistry(COMMAND_ROWS, { state: () => store.getState(), actions });
  loop.add('knobs', 0, () => controller.flushKnobs());
  loop.start();
  createRoot(root).render(
    <StrictMode>
      <AppContext value={{ store, controller, loop, commands }}>
        <App scene={scene} />
      </AppContext>
    </StrictMode>,
  );
  void controller.start(spec).then(() => {
    if (sentence !== '') store.setState({ notice: sentence });
  });
}

start(document.getElementById('root')!);
