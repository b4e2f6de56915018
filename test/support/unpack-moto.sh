#!/usr/bin/env bash
# Unpacks moto, a stand-in for the API of Amazon EC2, from the packages of Debian 13 into a directory, and installs nothing:
#   test/support/unpack-moto.sh "${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/moto"
# For hosts with apt and python3-cryptography: see unpack-packages.sh.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 1; }
[ ! -e "$1/moto/server.py" ] || exit 0
# flask-cors is missing among the dependencies of moto's package; cryptography is compiled for one Python, so it is the host's.
packages=()
for name in moto boto3 botocore s3transfer flask flask-cors werkzeug jinja2 responses xmltodict antlr4 itsdangerous click \
  blinker markupsafe dateutil requests jmespath urllib3 idna certifi chardet charset-normalizer six yaml typing-extensions; do
  packages+=("python3-$name")
done
mkdir -p "$(dirname "$1")"
trap 'rm -rf "$1.packages"' EXIT
"$(dirname "$0")/unpack-packages.sh" "$1.packages" "${packages[@]}"
rm -rf "$1"
mv "$1.packages/usr/lib/python3/dist-packages" "$1"
