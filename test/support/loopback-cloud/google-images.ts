import { fail, base, googleError, type Begin, type GoogleAccount } from './google-account.ts';
import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';

// Images of a project of Compute Engine in memory, made of disks of instances that are off.

/** What requests do to them. */
export interface GoogleImages {
  /** About one of them, or a new one. */
  readonly answer: (request: CloudRequest, path: string) => CloudAnswer;
  /** The error with which a disk is not removed of which an image is being made. */
  readonly heldBy: (diskPath: string) => CloudAnswer | undefined;
}

/** Images of a project. */
export function createGoogleImages(
  account: GoogleAccount,
  { begin, newId }: { readonly begin: Begin; readonly newId: () => string },
): GoogleImages {
  const { images } = account;
  const newFingerprint = (): string => Buffer.from(newId()).toString('base64');

  const insert = (request: CloudRequest, scope: string): CloudAnswer => {
    const body = JSON.parse(request.body) as Readonly<Record<string, unknown>>;
    const path = `${scope}/${String(body['name'])}`;
    if (images.has(path)) {
      return googleError(409, 'alreadyExists', { message: `The resource '${path}' already exists` });
    }
    const source = String(body['sourceDisk']);
    const disk = account.disks.get(source);
    if (disk === undefined) {
      return googleError(404, 'notFound', { message: `The resource '${source}' was not found` });
    }
    const user = [...account.instances.values()].find((each) =>
      JSON.stringify(each['disks']).includes(`${base}/${source}"`),
    );
    if (user !== undefined && user.status !== 'TERMINATED') {
      return inUse(source, user.name);
    }
    const image: Record<string, unknown> = {
      ...body,
      kind: 'compute#image',
      id: newId(),
      selfLink: `${base}/${path}`,
      sourceDisk: `${base}/${source}`,
      status: 'PENDING',
      labelFingerprint: newFingerprint(),
    };
    images.set(path, image);
    const failure = account.failImage;
    account.failImage = undefined;
    const requests = (): number => account.operationRequests + account.imageRequests;
    return begin(request, { type: 'insert', target: image, scope: path, requests }, (operation) => {
      if (failure !== undefined) {
        image['status'] = 'FAILED';
        fail(operation, failure);
        return;
      }
      Object.assign(image, {
        status: 'READY',
        diskSizeGb: disk['sizeGb'],
        archiveSizeBytes: '1234567890',
        architecture: disk['architecture'],
      });
    });
  };

  const setLabels = (request: CloudRequest, path: string, image: Record<string, unknown>): CloudAnswer => {
    const { labels, labelFingerprint } = JSON.parse(request.body) as Readonly<Record<string, unknown>>;
    if (labelFingerprint !== image['labelFingerprint']) {
      return googleError(412, 'conditionNotMet', {
        message: 'Labels fingerprint either invalid or out of date',
      });
    }
    return begin(request, { type: 'setLabels', target: image, scope: path }, () => {
      Object.assign(image, { labels, labelFingerprint: newFingerprint() });
    });
  };

  const remove = (request: CloudRequest, path: string, image: Record<string, unknown>): CloudAnswer => {
    if (image['status'] === 'PENDING' || image['status'] === 'DELETING') {
      return googleError(400, 'resourceNotReady', { message: `The resource '${path}' is not ready` });
    }
    image['status'] = 'DELETING';
    return begin(request, { type: 'delete', target: image, scope: path }, () => {
      images.delete(path);
    });
  };

  const answer: GoogleImages['answer'] = (request, path) => {
    const [, owner = '', action] = /^(.*\/global\/images\/[^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (owner === '' && request.method === 'POST') {
      return insert(request, path);
    }
    const image = images.get(owner);
    switch (image === undefined ? '' : `${request.method} ${action ?? ''}`) {
      case 'GET ':
        return jsonAnswer(200, image);
      case 'DELETE ':
        return remove(request, owner, image ?? {});
      case 'POST setLabels':
        return setLabels(request, owner, image ?? {});
      default:
        return googleError(404, 'notFound', { message: `The resource '${path}' was not found` });
    }
  };

  return {
    answer,
    heldBy: (diskPath) => {
      const [held] = [...images].find(
        ([, { status, sourceDisk }]) => status === 'PENDING' && sourceDisk === `${base}/${diskPath}`,
      ) ?? [undefined];
      return held === undefined ? undefined : inUse(diskPath, held);
    },
  };
}

function inUse(path: string, user: string): CloudAnswer {
  const message = `The disk resource '${path}' is already being used by '${user}'`;
  return googleError(400, 'resourceInUseByAnotherResource', { message });
}
