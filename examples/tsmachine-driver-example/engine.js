// Stands in for a container engine: answers the two questions that tsmachine asks every one.
import { createServer } from 'node:http';

const [socketPath, greeting] = process.argv.slice(2);

createServer((request, response) => {
  if (request.url?.endsWith('/_ping')) {
    response.setHeader('api-version', '1.47').setHeader('ostype', 'linux').end('OK');
  } else if (request.url?.endsWith('/version')) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ Version: greeting, ApiVersion: '1.47', Os: 'linux' }));
  } else {
    response.writeHead(404).end();
  }
}).listen(socketPath, () => {
  console.log(`listening on ${socketPath}`);
});
