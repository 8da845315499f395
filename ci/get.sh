#!/bin/sh
# Gets the counterfoil binary of a release, checks it, and prints where it lies: `get.sh VERSION DIRECTORY`.
#
#   COUNTERFOIL_RELEASES  where releases lie, such as https://github.com/OWNER/counterfoil/releases/download
#   COUNTERFOIL_SHA256    the SHA-256 of the archive. Without it the file beside the archive counts, which tells that the
#                         download is whole, and not who made it
set -eu

refuse() {
    printf 'get: %s\n' "$1" >&2
    exit 2
}

[ $# -eq 2 ] || refuse "usage: get.sh VERSION DIRECTORY"
[ -n "${COUNTERFOIL_RELEASES:-}" ] || refuse "COUNTERFOIL_RELEASES is not set, and says where releases lie"
version=v${1#v}
directory=$2

case $(uname -s)-$(uname -m) in
Linux-x86_64) target=x86_64-unknown-linux-musl ;;
*) refuse "there is no release for $(uname -s) on $(uname -m): build it with cargo, and name it by COUNTERFOIL" ;;
esac
name=counterfoil-$version-$target
url=$COUNTERFOIL_RELEASES/$version/$name.tar.gz

mkdir -p -- "$directory"
scratch=$(mktemp -d "$directory/.get-XXXXXX")
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fetch() {
    curl --fail --silent --show-error --location --retry 3 --output "$2" "$1" || refuse "$1 cannot be fetched: is $version a release?"
}

fetch "$url" "$scratch/archive"
expected=${COUNTERFOIL_SHA256:-}
if [ -z "$expected" ]; then
    fetch "$url.sha256" "$scratch/sha256"
    read -r expected _ <"$scratch/sha256" || true
    echo "get: COUNTERFOIL_SHA256 is not set: the archive is held only against the digest that lies beside it" >&2
fi
if command -v sha256sum >/dev/null; then
    found=$(sha256sum <"$scratch/archive")
else
    found=$(shasum -a 256 <"$scratch/archive")
fi
found=${found%% *}
[ "$found" = "$expected" ] || refuse "$url has the SHA-256 $found, and should have ${expected:-one}: it is not used"

tar -xzf "$scratch/archive" -C "$scratch" "$name/counterfoil" || refuse "$url does not hold $name/counterfoil"
chmod +x "$scratch/$name/counterfoil"
mv -f -- "$scratch/$name/counterfoil" "$directory/counterfoil"
printf '%s\n' "$directory/counterfoil"
