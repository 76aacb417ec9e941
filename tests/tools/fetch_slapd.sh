#!/bin/sh
# Puts a real OpenLDAP server into .dk/slapd for tests, without installing it (a service would start). Needs Debian's
# apt-get and dpkg; prints why when it cannot.
set -eu
project=$(cd "$(dirname "$0")/../.." && pwd)
target=${1:-"$project/.dk/slapd"}
[ -x "$target/usr/sbin/slapd" ] && { echo "$target"; exit 0; }
command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo "apt-get or dpkg not found" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# apt's download sandbox must be able to write here
chmod 755 "$work"
cd "$work"
packages=slapd
for library in libldap-2.5-0 libldap2 libodbc2 libltdl7 libsasl2-2 libargon2-1 libwrap0; do
    apt-cache policy "$library" | grep -q 'Candidate: [0-9]' || continue
    dpkg -s "$library" >/dev/null 2>&1 || packages="$packages $library"
done
# shellcheck disable=SC2086 - one word per package
apt-get download $packages >apt.log 2>&1 || { apt-get update >>apt.log 2>&1; apt-get download $packages >>apt.log 2>&1; } \
    || { cat apt.log >&2; exit 1; }
mkdir root
for package in *.deb; do
    dpkg -x "$package" root
done
mkdir -p "$(dirname "$target")"
rm -rf "$target"
mv root "$target"
echo "$target"
