#!/usr/bin/env bash
# Unpacks packages of Debian 13 into a directory, and installs nothing:
#   test/support/unpack-packages.sh DIRECTORY PACKAGE...
# For hosts with apt: see own-apt.sh.
set -euo pipefail
. "$(dirname "$0")/own-apt.sh"
[ $# -ge 2 ] || { echo "usage: $0 DIRECTORY PACKAGE..." >&2; exit 1; }
directory=$1
shift

work=$directory.$$
trap 'rm -rf "$work"' EXIT
apt=$work/apt
own_apt "$apt" trixie
(cd "$apt" && apt-get download -qq "$@")
for package in "$apt"/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done
rm -rf "$directory"
mv "$work/root" "$directory"
