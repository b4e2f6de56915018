/** True for addresses that VirtualBox allows in host-only networks by itself: 192.168.56.0/21. */
export function isInRange(address: string): boolean {
  const [first, second, third = 0] = address.split('.').map(Number);
  return first === 192 && second === 168 && third >= 56 && third <= 63;
}
