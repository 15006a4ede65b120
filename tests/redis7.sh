#!/bin/sh
# Redis 7.0, the oldest that we run on, for the tests: Debian 12's, unpacked and not installed, so
# that no service starts. Says SKIPPED, and why, where it cannot be had.
set -eu
into=$1

skipped() { echo "SKIPPED: the tests on Redis 7.0: $1"; exit 0; }
works() { "$1" --version 2>/dev/null | grep -q 'v=7\.0\.'; }
fetch() { (cd "$work" && apt-get -qq download "$@" >/dev/null 2>&1); }

if [ -x "$into/redis-server" ] || works redis-server; then exit 0; fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skipped "no apt on this machine"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages="redis-tools libatomic1 libjemalloc2 liblzf1 libssl3"
if ! fetch $packages; then
  [ "$(id -u)" = 0 ] && apt-get -qq update >/dev/null 2>&1 || true
  fetch $packages || skipped "apt has no package of it"
fi
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done

mkdir -p "$into/lib"
libraries=$(dirname "$(find "$work/root" -name 'liblzf.so.1' | head -1)")
cp -L "$libraries"/*.so.* "$into/lib"
for name in redis-server redis-check-aof; do  # one binary, which looks at its name
  cp -L "$work/root/usr/bin/redis-check-aof" "$into/lib/$name"
  cat >"$into/$name" <<RUN
#!/bin/sh
here=\$(dirname "\$0")/lib
LD_LIBRARY_PATH=\$here exec "\$here/$name" "\$@"
RUN
  chmod +x "$into/$name"
done
if ! works "$into/redis-server"; then
  rm -rf "$into"
  skipped "what apt has is another version, or does not run here"
fi
