/** A static server for the built page: this machine only, every response with the isolation headers. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { servedHeaders } from './headers.mjs';
import { GUESTS } from './public-files.mjs';

const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.wasm': 'application/wasm', '.json': 'application/json',
  '.map': 'application/json', '.webmanifest': 'application/manifest+json', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8',
};

/** The file of `folder` that a request path names, or undefined when it names none or points outside. */
export function findFile(folder, requestPath) {
  let decoded;
  try {
    decoded = decodeURIComponent(requestPath.split('?')[0] ?? '/');
  } catch {
    return undefined;
  }
  if (decoded.includes('\0')) return undefined;
  const path = normalize(join(folder, decoded.endsWith('/') ? `${decoded}index.html` : decoded));
  if (path !== folder && !path.startsWith(folder + sep)) return undefined;
  return existsSync(path) && statSync(path).isFile() ? path : undefined;
}

/** The file of a request: of the page's folder, or a guest, which no build copies. `guests`: their folder. */
function fileOf(folder, guests, requestPath) {
  const inGuests = requestPath.startsWith(`/${GUESTS}/`) && guests !== undefined;
  return inGuests ? findFile(guests, requestPath.slice(GUESTS.length + 1)) : findFile(folder, requestPath);
}

function handle(folder, headers, guests, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { ...headers, Allow: 'GET, HEAD' }).end();
    return;
  }
  const file = fileOf(folder, guests, request.url ?? '/');
  if (!file) {
    response.writeHead(404, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }).end('There is no such file.\n');
    return;
  }
  const hashed = /-[\w-]{8}\.\w+$/.test(file);
  response.writeHead(200, {
    ...headers,
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    'Content-Length': statSync(file).size,
    'Cache-Control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}

function portOf(args) {
  const at = args.indexOf('--port');
  if (at < 0) return { port: 4173, fixed: false };
  const port = Number(args[at + 1]);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    process.stderr.write(`--port takes a number from 0 to 65535, not '${args[at + 1] ?? ''}'.\n`);
    process.exit(2);
  }
  return { port, fixed: true };
}

/**
 * Serves `folder` on 127.0.0.1, with the fetched guests of folder `guests` beside it, and prints the URL. `--port n` fixes the port; otherwise 4173 or the next free one.
 * `--plain` leaves the isolation headers out (to try the page as a page without cross-origin isolation).
 */
export function serve(folder, args = [], guests = undefined) {
  const { port, fixed } = portOf(args);
  const headers = args.includes('--plain') ? {} : servedHeaders;
  const server = createServer((request, response) => handle(folder, headers, guests, request, response));
  return new Promise((resolve) => {
    let attempt = port;
    server.on('error', (error) => {
      if (error.code === 'EADDRINUSE' && !fixed && attempt < port + 20) {
        attempt += 1;
        server.listen(attempt, '127.0.0.1');
        return;
      }
      process.stderr.write(`The server could not start on port ${attempt}: ${error.message}\n`);
      process.exit(2);
    });
    server.on('listening', () => {
      const address = server.address();
      process.stdout.write(`Glasshouse is at http://localhost:${address.port}/ (Ctrl-C ends it)\n`);
      resolve(server);
    });
    server.listen(attempt, '127.0.0.1');
  });
}
