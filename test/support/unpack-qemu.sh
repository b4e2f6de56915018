#!/usr/bin/env bash
# Unpacks the QEMU of another Debian into a directory, with all libraries that it needs, and installs nothing:
#   test/support/unpack-qemu.sh trixie /tmp/qemu-trixie
#   TSMACHINE_TEST_QEMU=/tmp/qemu-trixie/qemu-system-x86_64 npm run test:e2e
# For amd64 hosts with apt: see own-apt.sh.
set -euo pipefail
. "$(dirname "$0")/own-apt.sh"
[ $# = 2 ] || { echo "usage: $0 SUITE DIRECTORY" >&2; exit 1; }
suite=$1
mkdir -p "$2"
directory=$(cd "$2" && pwd)
# With all that they depend on, as nothing is installed there.
apt=$directory/apt
own_apt "$apt" "$suite"
apt-get install -qq -y --download-only -o Debug::NoLocking=1 qemu-system-x86 qemu-utils >/dev/null

root=$directory/root
mkdir -p "$root"
for package in "$apt"/cache/archives/*.deb; do
  dpkg-deb -x "$package" "$root"
done

# Their own loader finds their own libraries, not those of this computer.
wrap() {
  cat >"$directory/$1" <<END
#!/bin/sh
libraries=$root/usr/lib/x86_64-linux-gnu
exec "\$libraries/ld-linux-x86-64.so.2" --library-path "\$libraries" "$root/usr/bin/$1" $2 "\$@"
END
  chmod +x "$directory/$1"
}
wrap qemu-system-x86_64 "-L $root/usr/share/qemu -L $root/usr/share/seabios"
wrap qemu-img ""
"$directory/qemu-system-x86_64" --version | head -n 1
