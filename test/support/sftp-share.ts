import { createTurn, serveSftp } from '../../src/agent/sftp/serve.ts';
import { SharedTree } from '../../src/agent/sftp/shared-tree.ts';
import { createHost } from '../../src/host/real.ts';

// Serves a directory by SFTP on its standard input and output: node sftp-share.js DIRECTORY [ro]. A process of its own,
// as one that mounts what it serves itself would wait for itself.

const [, , directory = '', access = ''] = process.argv;
const host = createHost();
const tree = await SharedTree.open(host, await host.openRawFiles(), {
  path: directory,
  isReadOnly: access === 'ro',
});
await serveSftp(tree, { input: process.stdin, output: process.stdout, turn: createTurn() });
