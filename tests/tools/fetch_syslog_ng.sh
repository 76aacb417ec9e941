#!/bin/sh
# Puts a real syslog-ng into .dk/syslog-ng for tests, without installing it: as a Debian package it would push out
# rsyslog, which other tests need. Needs Debian's apt-get and dpkg; prints why when it cannot.
set -eu
project=$(cd "$(dirname "$0")/../.." && pwd)
target=${1:-"$project/.dk/syslog-ng"}
[ -d "$target/usr/share/syslog-ng" ] && [ -x "$target/usr/sbin/syslog-ng" ] && { echo "$target"; exit 0; }
command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo "apt-get or dpkg not found" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# apt's download sandbox must be able to write here
chmod 755 "$work"
cd "$work"
packages="syslog-ng-core syslog-ng-mod-http syslog-ng-scl"
for library in libivykis0 libnet1 libwrap0 libjson-c5 libcurl4 libglib2.0-0 libpcre3 libssl3 libcap2; do
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
