/**
 * A command of a shell with busybox that answers every datagram at a UDP port with itself: no program of busybox does. It
 * is an ELF of amd64 Linux with one segment; the port is part of its code.
 */
export function udpEchoCommand(port: number): string {
  const program = elf(echoCode(port)).toString('base64');
  return `echo ${program} | base64 -d >/tmp/echo; chmod +x /tmp/echo; exec /tmp/echo`;
}

const loadAddress = 0x40_0000;
const headerBytes = 64;
const segmentHeaderBytes = 56;

function elf(code: Buffer): Buffer {
  const entry = headerBytes + segmentHeaderBytes;
  const image = Buffer.alloc(entry + code.length);
  image.write('7f454c4602010100', 'hex');
  image.writeUInt16LE(2, 16); // ET_EXEC
  image.writeUInt16LE(62, 18); // EM_X86_64
  image.writeUInt32LE(1, 20);
  image.writeBigUInt64LE(BigInt(loadAddress + entry), 24);
  image.writeBigUInt64LE(BigInt(headerBytes), 32);
  image.writeUInt16LE(headerBytes, 52);
  image.writeUInt16LE(segmentHeaderBytes, 54);
  image.writeUInt16LE(1, 56);
  image.writeUInt32LE(1, 64); // PT_LOAD
  image.writeUInt32LE(5, 68); // read, execute
  image.writeBigUInt64LE(BigInt(loadAddress), 80);
  image.writeBigUInt64LE(BigInt(loadAddress), 88);
  image.writeBigUInt64LE(BigInt(image.length), 96);
  image.writeBigUInt64LE(BigInt(image.length), 104);
  image.writeBigUInt64LE(0x1000n, 112);
  code.copy(image, entry);
  return image;
}

function echoCode(port: number): Buffer {
  const portHex = port.toString(16).padStart(4, '0');
  const start = [
    '6a2958 6a025f 6a025e 31d2 0f05 89c3', // ebx = socket(AF_INET, SOCK_DGRAM, 0)
    `6a00 48b80200${portHex}00000000 50 4889e6`, // rsi = {AF_INET, port, 0.0.0.0} on the stack
    '6a105a 89df 6a3158 0f05', // bind(ebx, rsi, 16)
    '4881ec00080000', // room for the address at 16 and the message at 64
  ];
  const loop = [
    'c7042410000000', // the address has 16 bytes
    '89df 488d742440 ba00040000 4531d2 4c8d442410 4989e1 6a2d58 0f05', // eax = recvfrom(ebx, …)
    '89c2 89df 488d742440 4531d2 4c8d442410 6a104159 6a2c58 0f05', // sendto(ebx, …, eax, …)
  ];
  const [first, body] = [start, loop].map((parts) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));
  const length = body?.length ?? 0;
  return Buffer.concat([
    first ?? Buffer.alloc(0),
    body ?? Buffer.alloc(0),
    Buffer.from([0xeb, 256 - length - 2]),
  ]);
}
