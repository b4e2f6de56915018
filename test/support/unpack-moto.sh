#!/usr/bin/env bash
# Unpacks moto, a stand-in for the API of Amazon EC2, from the packages of Debian 13 into a directory, and installs nothing:
#   test/support/unpack-moto.sh "${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/moto"
# For hosts with apt and python3-cryptography. TSMACHINE_DEBIAN_MIRROR names the mirror; default: the one that apt uses.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 1; }
[ ! -e "$1/moto/server.py" ] || exit 0
mirror=${TSMACHINE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)}
[ -n "$mirror" ] || { echo "error: apt knows no Debian mirror; set TSMACHINE_DEBIAN_MIRROR" >&2; exit 1; }

work=$1.$$
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
# flask-cors is missing among the dependencies of moto's package; cryptography is compiled for one Python, so it is the host's.
packages=()
for name in moto boto3 botocore s3transfer flask flask-cors werkzeug jinja2 responses xmltodict antlr4 itsdangerous click \
  blinker markupsafe dateutil requests jmespath urllib3 idna certifi chardet charset-normalizer six yaml typing-extensions; do
  packages+=("python3-$name")
done
(cd "$apt" && apt-get download -qq "${packages[@]}")
for package in "$apt"/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done
rm -rf "$1"
mkdir -p "$(dirname "$1")"
mv "$work/root/usr/lib/python3/dist-packages" "$1"
