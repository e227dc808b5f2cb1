#!/bin/sh
# Makes the kept answers again: make.sh DIRECTORY, where DIRECTORY holds nfdump and nfcapd 1.7.8.
set -eu
peer=$(cd "$1" && pwd)
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC
"$peer/nfcapd" -f flows.pcap -w "$work" >/dev/null 2>&1
cp "$work"/nfcapd.* flows.nfcapd
for source in 'router1 proto tcp and port in [443 80]' 'router_2 proto udp'; do
  ident=${source%% *}
  "$peer/nfdump" -r flows.nfcapd -z=lzo -w "$ident.nfcapd" "${source#"$ident"}" >/dev/null 2>&1
  "$peer/nfdump" -r "$ident.nfcapd" -i "$ident" >/dev/null
done
rm -f ./*.out
grep -v '^#' commands.txt | while IFS= read -r line; do
  name=${line%% *}
  arguments=${line#"$name"}
  eval "set -- $arguments"
  "$peer/nfdump" -W 1 -r flows.nfcapd "$@" >"$name.out" 2>/dev/null
done
TZ=America/St_Johns "$peer/nfdump" -W 1 -r flows.nfcapd -o 'fmt:%ts %te' -c 20 >other-zone.out 2>/dev/null
