import { request as send } from 'node:http';
import { imagesOf } from '../../../src/drivers/amazonec2/api/answers.ts';
import { testEc2 } from './ec2-records.ts';
import {
  startFaultServer,
  type CloudAnswer,
  type CloudRequest,
  type Fault,
  type FaultServer,
} from './fault-server.ts';

// In front of moto: does what EC2 does and moto does not (one instance for one token, states that take time, ids that are
// not known everywhere at once), makes faults, and writes down what was asked.

/** A request as EC2 gets it. */
export interface Ec2Request extends CloudRequest {
  readonly action: string;
  readonly parameters: URLSearchParams;
}

/** Settings of a proxy; tests change them as they go. */
export interface Ec2Proxy extends FaultServer<Ec2Request> {
  /** So many times an instance says `pending` after it was made. */
  pendingAnswers: number;
  /** So many times nobody knows an instance after it was made. */
  unknownAnswers: number;
  /** So many times an image says `pending` after it was made. */
  pendingImageAnswers: number;
  /**
   * Called for an instance that was made, with its id and user data: gives its address, and until then it is pending.
   * Without it instances are on this computer; moto's own addresses are in the internet, and are never told.
   */
  onLaunch: ((id: string, userData: string, keyName: string) => Promise<string>) | undefined;
  onTerminate: ((id: string) => Promise<void>) | undefined;
  /** Where an instance is by now, if that is not where it was launched: EC2 gives another address at every start. */
  addressNow: ((id: string) => string | undefined) | undefined;
  /** What the consoles of instances have put out. */
  consoleText: string;
}

/** An error as EC2 writes it. */
export function ec2Error(
  status: number,
  code: string,
  headers: Record<string, string> = {},
): Fault & { readonly kind: 'answer' } {
  const body = `<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>a fault of the test</Message></Error></Errors><RequestID>0</RequestID></Response>`;
  return { kind: 'answer', status, body, headers: { 'content-type': 'text/xml', ...headers } };
}

interface Launched {
  unknown: number;
  pending: number;
  address: string;
}

/** Starts a proxy in front of a moto. */
export async function startEc2Proxy(motoUrl: string): Promise<Ec2Proxy> {
  const byToken = new Map<string, string>();
  const launched = new Map<string, Launched>();
  const imageNames = new Set<string>();
  const pendingImages = new Map<string, number>();

  const launch = (id: string, parameters: URLSearchParams): void => {
    const userData = Buffer.from(parameters.get('UserData') ?? '', 'base64').toString();
    const instance = { unknown: proxy.unknownAnswers, pending: proxy.pendingAnswers, address: '127.0.0.1' };
    launched.set(id, instance);
    if (proxy.onLaunch !== undefined) {
      instance.pending = Infinity;
      void proxy.onLaunch(id, userData, parameters.get('KeyName') ?? '').then((address) => {
        Object.assign(instance, { address, pending: 0 });
      });
    }
  };

  const carryOut = async (request: Ec2Request): Promise<CloudAnswer> => {
    const { action, parameters } = request;
    const token = parameters.get('ClientToken');
    const before = action === 'RunInstances' && token !== null ? byToken.get(token) : undefined;
    if (before !== undefined) {
      return { status: 200, headers: { 'content-type': 'text/xml' }, body: before };
    }
    const hidden = action === 'DescribeInstances' ? hiddenOf(launched, parameters) : undefined;
    if (hidden !== undefined) {
      return ec2Error(400, 'InvalidInstanceID.NotFound');
    }
    if (action === 'GetConsoleOutput') {
      return consoleAnswer(parameters.get('InstanceId') ?? '', proxy.consoleText);
    }
    if (action === 'CreateImage' && imageNames.has(parameters.get('Name') ?? '')) {
      return ec2Error(400, 'InvalidAMIName.Duplicate');
    }
    const answer = await forward(motoUrl, action === 'CreateImage' ? withoutSnapshotTags(request) : request);
    if (action === 'CreateImage' && answer.status === 200) {
      imageNames.add(parameters.get('Name') ?? '');
      const [, id = ''] = /<imageId>(ami-[0-9a-f]+)</.exec(answer.body) ?? [];
      pendingImages.set(id, proxy.pendingImageAnswers);
      await tagSnapshots(motoUrl, id);
    }
    if (action === 'RunInstances' && answer.status === 200) {
      if (token !== null) {
        byToken.set(token, answer.body);
      }
      for (const [, id = ''] of answer.body.matchAll(/<instanceId>(i-[0-9a-f]+)</g)) {
        launch(id, parameters);
      }
    }
    if (action === 'TerminateInstances' && answer.status === 200) {
      for (const id of idsOf(parameters)) {
        await proxy.onTerminate?.(id);
      }
    }
    return {
      ...answer,
      body: withImageStates(changed(answer.body, launched, proxy.addressNow), pendingImages),
    };
  };

  const server = await startFaultServer(ec2Request, carryOut);
  const proxy: Ec2Proxy = Object.assign(server, {
    pendingAnswers: 0,
    unknownAnswers: 0,
    pendingImageAnswers: 0,
    onLaunch: undefined,
    onTerminate: undefined,
    addressNow: undefined,
    consoleText: '',
  });
  return proxy;
}

/** As in the EC2 API Reference, GetConsoleOutput: an example. */
function consoleAnswer(id: string, text: string): CloudAnswer {
  const body = [
    '<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">',
    '<requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>',
    `<instanceId>${id}</instanceId><timestamp>2026-01-01T00:00:00.000Z</timestamp>`,
    `<output>${Buffer.from(text).toString('base64')}</output>`,
    '</GetConsoleOutputResponse>',
  ].join('');
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}

/** A request with what stands in its form. */
function ec2Request(request: CloudRequest): Ec2Request {
  const parameters = new URLSearchParams(request.body);
  return { ...request, parameters, action: parameters.get('Action') ?? '' };
}

/** The instance that is asked for and that nobody knows yet. */
function hiddenOf(launched: ReadonlyMap<string, Launched>, parameters: URLSearchParams): string | undefined {
  return idsOf(parameters).find((id) => {
    const instance = launched.get(id);
    if (instance === undefined || instance.unknown === 0) {
      return false;
    }
    instance.unknown -= 1;
    return true;
  });
}

function idsOf(parameters: URLSearchParams): string[] {
  return [...parameters].flatMap(([name, value]) => (name.startsWith('InstanceId.') ? [value] : []));
}

/** Addresses and states of instances as they are here. */
function changed(
  body: string,
  launched: ReadonlyMap<string, Launched>,
  addressNow: Ec2Proxy['addressNow'],
): string {
  return body
    .split(/(?=<instanceId>)/)
    .map((part) => {
      const id = /^<instanceId>(i-[0-9a-f]+)</.exec(part)?.[1] ?? '';
      const instance = launched.get(id);
      if (instance === undefined) {
        return part;
      }
      let text = part;
      if (instance.pending > 0 && text.includes('<name>running</name>')) {
        instance.pending -= 1;
        text = text.replace('<name>running</name>', '<name>pending</name>');
      }
      const address = addressNow?.(id) ?? instance.address;
      return text.replace(/<ipAddress>[^<]*</, `<ipAddress>${address}<`);
    })
    .join('');
}

/** moto tags no snapshots in the request that makes an image. */
function withoutSnapshotTags(request: Ec2Request): Ec2Request {
  const kept = [...request.parameters].filter(([name]) => !name.startsWith('TagSpecification.2.'));
  const body = new URLSearchParams(kept).toString();
  return { ...request, body, headers: { ...request.headers, 'content-length': String(body.length) } };
}

/** Snapshots get the tags of their image, as the request says. */
async function tagSnapshots(motoUrl: string, id: string): Promise<void> {
  const ec2 = testEc2(motoUrl);
  const [image] = imagesOf(await ec2.call('DescribeImages', { ImageId: [id] }));
  const Tag = Object.entries(image?.tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
  await ec2.call('CreateTags', { ResourceId: image?.snapshotIds ?? [], Tag });
}

function withImageStates(body: string, pending: Map<string, number>): string {
  return body
    .split(/(?=<imageId>)/)
    .map((part) => {
      const id = /^<imageId>(ami-[0-9a-f]+)</.exec(part)?.[1] ?? '';
      const left = pending.get(id) ?? 0;
      if (left === 0 || !part.includes('<imageState>available<')) {
        return part;
      }
      pending.set(id, left - 1);
      return part.replace('<imageState>available<', '<imageState>pending<');
    })
    .join('');
}

async function forward(motoUrl: string, request: CloudRequest): Promise<CloudAnswer> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body } = request;
    const outgoing = send(motoUrl, { method, path, headers }, (answer) => {
      readAll(answer).then((text) => {
        const type = answer.headers['content-type'] ?? 'text/xml';
        resolve({ status: answer.statusCode ?? 500, headers: { 'content-type': type }, body: text });
      }, reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
