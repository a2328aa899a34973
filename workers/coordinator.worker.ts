/** The coordinator in a page: the one worker that the page talks to, over Comlink. */
import * as Comlink from 'comlink';
import { makeBrowserPlatform } from './browser-platform.ts';
import { Coordinator } from './coordinator.ts';
import { builder, planner } from './world.ts';

Comlink.expose(new Coordinator(makeBrowserPlatform(builder), planner));
