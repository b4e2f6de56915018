import { gunzipSync } from 'node:zlib';

// A static program for Linux on x86-64 that waits with inotify(7), as busybox of Debian cannot. Its source, for
// cc -Os -static -nostdlib -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -Wl,-N,-s:
//
//   static long sys(long n, long a, long b, long c) { long r; __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b),
//     "d"(c) : "rcx", "r11", "memory"); return r; }
//   static char b[4096], o[512];
//   __attribute__((used)) void run(long *sp) {
//     long argc = sp[0]; char **argv = (char **)(sp + 1); int f = sys(253, 0, 0, 0);         // inotify_init
//     for (int i = 1; i < argc; i++) sys(254, f, (long)argv[i], 0x3ce);                      // inotify_add_watch:
//     sys(1, 1, (long)"ready\n", 6);                       // MODIFY ATTRIB CLOSE_WRITE MOVED_FROM MOVED_TO CREATE DELETE
//     for (;;) { long n = sys(0, f, (long)b, 4096); if (n <= 0) sys(60, 1, 0, 0);
//       for (char *p = b; p < b + n;) { int wd = *(int *)p; unsigned len = *(unsigned *)(p + 12); char *q = o;
//         *q++ = '0' + wd; *q++ = ' '; for (unsigned i = 0; i < len && p[16 + i]; i++) *q++ = p[16 + i]; *q++ = '\n';
//         sys(1, 1, (long)o, q - o); p += 16 + len; } } }
//   __asm__(".globl _start\n_start: mov %rsp,%rdi\n and $-16,%rsp\n call run\n");
const packed =
  'H4sIAAAAAAACA6t39XFjYmRkgAEmBjsGEG8DgwOY7wAV/4BQAhSzAKpzYGBlYAGrZQerhwCYPhgtD9VnIAyhFaDqAp+WpLAxEA8EoLRH53OP5icfXoDYhpccwz07f+34C2Q7hnl0XnMMdQwJDfbolvfovM7P6jHD1fDk3n9AyV3nmEE6XVR+eP4/6GN5uk7Qu7vkFIdHd43KD4/OF/ysr5/vALnTo9d0C0g5G9ii40AjenV3gyy67dOru4kJaMt+kEMc94AU+/S6MkFNuOHT+c6n8xc/q2fnIY/WA/UCO2xACoBO7bzn0XmLn9Wnl7cYqN2X8ZWv5cXik45djMdYk0Ch4dN50LW7kKf5gEGHK4PhAY/eQEYXyw8l4r0FAo5dJoYOLd9KuB06iv7/P+DRefH1g2OMXB6ar3w6H4DNfsfP6tjrJuDJePD1iqLUxJRKLgYGveKM4pKiksQkBr2S1IoSBr2i/JTEkkQGvaTiYgYqAG4ghsU5anxDgAQjqno0LoMgVMwIyj/B6AClIXx2Buz6YbQkEHMAMTOU/wCq/zxMgRCqfgUs5jFj8RdMvxwDfvcDAIDPnzkwAwAA';

/**
 * The program: waits for changes of the paths that are its arguments, says "ready", and then a line for each change: the
 * number of the argument, and the name that the change has in that directory; nothing for the directory itself.
 */
export function inotifyProgram(): Uint8Array {
  return gunzipSync(Buffer.from(packed, 'base64'));
}
