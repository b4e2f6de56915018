import type { Duplex } from 'node:stream';
import { messageOf } from '../../../core/errors.ts';
import { createByteSource } from '../gob/byte-source.ts';
import { createGobDecoder } from '../gob/decoder.ts';
import { createGobEncoder } from '../gob/encoder.ts';
import { gobEmptyStruct, type GobValue } from '../gob/types.ts';
import { fieldsOf, textOf } from '../gob/values.ts';
import type { Typed } from './client.ts';
import { connectedLine, readHead, responseType } from './wire.ts';

/** One method: takes the argument, resolves to the result. What it throws becomes the error text of the reply. */
export type RpcMethod = (argument: GobValue) => Promise<Typed>;

/** Methods by service and name. */
export type RpcServices = Readonly<Record<string, Readonly<Record<string, RpcMethod>>>>;

/**
 * Serves net/rpc on a connection until it ends; calls run side by side, as with Go. What is no net/rpc is
 * refused with an answer of HTTP. Never throws.
 */
export async function serveRpc(socket: Duplex, services: RpcServices): Promise<void> {
  const source = createByteSource(socket as AsyncIterable<Uint8Array>);
  socket.on('error', () => undefined);
  try {
    const head = await readHead(source);
    if (!/^CONNECT \/_goRPC_ HTTP\/1\.[01]$/.test(head?.[0] ?? '')) {
      socket.end('HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    socket.write(connectedLine);
    const decoder = createGobDecoder(source);
    const encoder = createGobEncoder();
    for (;;) {
      const request = await decoder.next();
      const argument = request === undefined ? undefined : await decoder.next();
      if (request === undefined || argument === undefined) {
        return;
      }
      const { ServiceMethod: name, Seq: sequence = 0 } = fieldsOf(request.value);
      const reply = (error: string, { type, value }: Typed): void => {
        const fields = { ServiceMethod: textOf(name), Seq: sequence, Error: error };
        const parts = [encoder.encode(responseType, fields), encoder.encode(type, value)];
        if (!socket.destroyed) {
          socket.write(Buffer.concat(parts));
        }
      };
      void answer(services, textOf(name), argument.value).then(
        (result) => {
          reply('', result);
        },
        (error: unknown) => {
          reply(messageOf(error) || 'unknown error', { type: gobEmptyStruct, value: {} });
        },
      );
    }
  } catch {
    // A connection that broke, or something that is no gob: the client is told by the end of the connection.
  } finally {
    socket.end();
  }
}

async function answer(services: RpcServices, name: string, argument: GobValue): Promise<Typed> {
  const [service = '', method = '', ...more] = name.split('.');
  if (more.length > 0 || method === '') {
    throw new Error(`rpc: service/method request ill-formed: ${name}`);
  }
  const methods = Object.hasOwn(services, service) ? services[service] : undefined;
  if (methods === undefined) {
    throw new Error(`rpc: can't find service ${name}`);
  }
  const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (found === undefined) {
    throw new Error(`rpc: can't find method ${name}`);
  }
  return found(argument);
}
