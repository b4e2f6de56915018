import { gunzipSync } from 'node:zlib';

// A static program for Linux on x86-64 that waits with inotify(7), as busybox of Debian cannot. Its source, for as and
// ld -N -s:
//
//   _start: mov 16(%rsp), %r12                          # the path that is its argument
//           inotify_init1(0); inotify_add_watch(it, path, 0x3ce)   # MODIFY ATTRIB CLOSE_WRITE MOVED CREATE DELETE
//           write(1, "ready\n"); read(it, stack, 4096); write(1, "seen\n"); exit(0)
const packed =
  'H4sIAAAAAAACA6t39XFjYmRkgAEmBjsGEK+CwQHMd4CKSyCUAMUsgGocGJiBqkHC7GD1EADTB6O7oOIwGmaMT3eKioDh/x1qQAF+1s7Dnfd9Op/tOsfMwLDjHwNIqPVAhd9+kGqPXlM/ILWLDUjsYATLeTS+YRBgYOi87wHUA2IZHuBnhSlWBylmRSgGWmIDZoAVQNlFqYkplVzFqal5XAx6xRnFJUUliUkMeiWpFSUMVAHcUL+yY4QLangwoIULMp8Zi7lMUIWCBPQDAFSCObDYAQAA';

/** The program: says "ready", waits for one event below the path that is its argument, says "seen", and ends. */
export function inotifyProgram(): Uint8Array {
  return gunzipSync(Buffer.from(packed, 'base64'));
}
