/** What the guest does after it has written its lines. */
export type TinyGuestEnd =
  /** Sleeps for ever and ignores the power button. */
  | 'halt'
  /** Powers off when the button is pressed. */
  | 'obey-button'
  | 'power-off'
  /** Resets the processor, as a kernel that panics with panic=-1. */
  | 'reset';

const loadAddress = 0x100000;
const headerBytes = 32;

/**
 * A kernel of a few hundred bytes for QEMU's x86 machines: it writes lines to the first serial port and
 * then does one thing. With it a whole life of a virtual machine takes less than a second, also under
 * emulation. It is a flat multiboot image (Multiboot Specification 0.6.96, address fields in the header);
 * the ports are those of the Q35 board: 0x3f8 serial, 0x600 ACPI power management, 0xcf9 reset.
 */
export function tinyGuest(guest: {
  readonly lines: readonly string[];
  readonly end: TinyGuestEnd;
}): Uint8Array {
  const text = new TextEncoder().encode(guest.lines.map((line) => `${line}\r\n`).join(''));
  const code = (textAddress: number): number[] => [...writeSerial(textAddress), ...endings[guest.end]];
  const textAddress = loadAddress + headerBytes + code(0).length;
  const image = new Uint8Array([...header(), ...code(textAddress), ...text, 0]);
  new DataView(image.buffer).setUint32(20, loadAddress + image.length, true);
  new DataView(image.buffer).setUint32(24, loadAddress + image.length, true);
  return image;
}

function header(): number[] {
  const magic = 0x1badb002;
  const hasAddresses = 0x10000;
  return [
    ...long(magic),
    ...long(hasAddresses),
    ...long(-(magic + hasAddresses)),
    ...long(loadAddress),
    ...long(loadAddress),
    ...long(0),
    ...long(0),
    ...long(loadAddress + headerBytes),
  ];
}

/** Writes the text at an address up to its zero byte, one character whenever the port is ready. */
function writeSerial(address: number): number[] {
  return [
    ...[0xfc, 0xbe, ...long(address)], // cld; mov esi, address
    ...[0xac, 0x84, 0xc0, 0x74, 0x14], // next: lodsb; test al, al; jz done
    ...[0x88, 0xc4, 0x66, 0xba, 0xfd, 0x03], // mov ah, al; mov dx, 0x3fd
    ...[0xec, 0xa8, 0x20, 0x74, 0xfb], // wait: in al, dx; test al, 0x20; jz wait
    ...[0x66, 0xba, 0xf8, 0x03, 0x88, 0xe0, 0xee], // mov dx, 0x3f8; mov al, ah; out dx, al
    ...[0xeb, 0xe7], // jmp next
  ];
}

/** Under emulation some tenths of a second: time for the first questions to QEMU. */
const delay = [0xb9, ...long(0x1000_0000), 0xe2, 0xfe]; // mov ecx, count; again: loop again
const halt = [0xfa, 0xf4, 0xeb, 0xfd]; // cli; again: hlt; jmp again
const powerOff = [0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef]; // mov dx, 0x604; mov ax, 0x2000; out dx, ax

const endings: Readonly<Record<TinyGuestEnd, readonly number[]>> = {
  halt,
  'power-off': [...delay, ...powerOff, ...halt],
  reset: [...delay, 0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, ...halt], // mov dx, 0xcf9; mov al, 6; out dx, al
  'obey-button': [
    ...[0x66, 0xba, 0x02, 0x06, 0x66, 0xb8, 0x00, 0x01, 0x66, 0xef], // mov dx, 0x602; mov ax, 0x100; out dx, ax
    ...[0x66, 0xba, 0x00, 0x06, 0x66, 0xed], // again: mov dx, 0x600; in ax, dx
    ...[0x66, 0xa9, 0x00, 0x01, 0x74, 0xf4], // test ax, 0x100; jz again
    ...powerOff,
    ...halt,
  ],
};

function long(value: number): number[] {
  return [value, value >>> 8, value >>> 16, value >>> 24].map((byte) => byte & 0xff);
}
