#!/usr/bin/env bash
# Debian packages that the tests need: a browser, and a data set that serves claims.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
[ -d /usr/share/datasets/fashion-mnist ] || missing+=(dataset-fashion-mnist)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are needed by some tests, which fail without them: ${missing[*]}."
  echo "Install them as root: apt-get install ${missing[*]}"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
wait_for_lock=(-o DPkg::Lock::Timeout=300)
dpkg --configure -a # an installation that was cut off is finished first
apt-get -qq "${wait_for_lock[@]}" update
apt-get -qq "${wait_for_lock[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null
