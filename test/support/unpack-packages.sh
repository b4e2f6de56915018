#!/usr/bin/env bash
# Unpacks packages of Debian 13 into a directory, and installs nothing:
#   test/support/unpack-packages.sh DIRECTORY PACKAGE...
# For hosts with apt. TSMACHINE_DEBIAN_MIRROR names the mirror; default: the one that apt uses.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 DIRECTORY PACKAGE..." >&2; exit 1; }
directory=$1
shift
mirror=${TSMACHINE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)}
[ -n "$mirror" ] || { echo "error: apt knows no Debian mirror; set TSMACHINE_DEBIAN_MIRROR" >&2; exit 1; }

work=$directory.$$
trap 'rm -rf "$work"' EXIT
apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$work/root"
: >"$apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
export APT_CONFIG=$apt/apt.conf
apt-get update -qq
(cd "$apt" && apt-get download -qq "$@")
for package in "$apt"/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done
rm -rf "$directory"
mv "$work/root" "$directory"
