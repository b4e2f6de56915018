#!/usr/bin/env bash
# Makes an archive for `docker import` with nginx and the libraries that it needs, out of Debian's packages; installs nothing:
#   test/support/unpack-web-server.sh "${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/web-server.tar"
# For hosts with apt.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 FILE" >&2; exit 1; }
[ ! -e "$1" ] || exit 0
work=$1.$$
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{etc,tmp,var/lib/nginx,var/log/nginx}
cd "$work"
# Of what it depends on, the libraries.
mapfile -t libraries < <(apt-cache depends --important nginx | sed -n 's/^ *Depends: \(z\?lib.*\)/\1/p')
apt-get download -qq -o APT::Sandbox::User=root nginx "${libraries[@]}"
for package in *.deb; do
  dpkg-deb -x "$package" "$root"
done
rm -rf "$root"/usr/share "$root"/etc/*
mkdir -p "$root"/usr/share/nginx/html "$root"/etc/nginx
echo 'root:x:0:0::/:/bin/false' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
cat >"$root/etc/nginx/nginx.conf" <<CONF
user root root;
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  sendfile on;
  server {
    listen 80;
    root /usr/share/nginx/html;
  }
}
CONF
tar -C "$root" -cf "$work/image.tar" .
mv "$work/image.tar" "$1"
