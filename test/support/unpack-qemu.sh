#!/usr/bin/env bash
# Unpacks the QEMU of another Debian into a directory, with all libraries that it needs, and installs nothing:
#   test/support/unpack-qemu.sh trixie /tmp/qemu-trixie
#   TSMACHINE_TEST_QEMU=/tmp/qemu-trixie/qemu-system-x86_64 npm run test:e2e
# For amd64 hosts with apt. TSMACHINE_DEBIAN_MIRROR names the mirror; default: the one that apt uses.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 SUITE DIRECTORY" >&2; exit 1; }
suite=$1
mkdir -p "$2"
directory=$(cd "$2" && pwd)
mirror=${TSMACHINE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)}
[ -n "$mirror" ] || { echo "error: apt knows no Debian mirror; set TSMACHINE_DEBIAN_MIRROR" >&2; exit 1; }

# An apt of its own, for which nothing is installed: it fetches the packages and all that they depend on.
apt=$directory/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
END
export APT_CONFIG=$apt/apt.conf
apt-get update -qq
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
