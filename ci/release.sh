#!/bin/sh
# Builds counterfoil as one static binary, tries it, and packs it with its licences, completions and man pages:
# `ci/release.sh [DIRECTORY]`, into dist/ where none is named. Needs Linux on x86_64, and musl's C compiler (`musl-tools`) with
# `rustup target add x86_64-unknown-linux-musl`; without them it links glibc statically, and says so in the name.
set -eu
cd "$(dirname "$0")/.."

refuse() {
    printf 'release: %s\n' "$1" >&2
    exit 2
}

into=${1:-dist}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
[ -n "$version" ] || refuse "Cargo.toml names no version"
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || refuse "releases are built on Linux for x86_64"

libraries=$(rustc --print target-libdir --target x86_64-unknown-linux-musl)
if [ -d "$libraries" ] && command -v musl-gcc >/dev/null; then
    target=x86_64-unknown-linux-musl
else
    target=x86_64-unknown-linux-gnu
    echo "release: the target x86_64-unknown-linux-musl or musl-gcc is not there: glibc is linked statically instead" >&2
    export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
fi
# With --target, what runs while building is built without these flags.
cargo build --locked --profile dist --target "$target" -p counterfoil --bin counterfoil
program=${CARGO_TARGET_DIR:-target}/$target/dist/counterfoil

# Whatever a dynamic program needs is named in its header.
if readelf --program-headers "$program" | grep -q INTERP; then
    refuse "$program is not static: it asks for an interpreter"
fi
env -i "$program" run --filter dispatch-error-mid-plan >/dev/null || refuse "$program does not do what it is for"

name=counterfoil-v$version-$target
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
mkdir -p "$scratch/$name" "$into"
cp "$program" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$scratch/$name"
cp -R completions "$scratch/$name"
"$program" man --into "$scratch/$name/man" >/dev/null
tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -cf - "$name" |
    gzip -9n >"$into/$name.tar.gz"
(cd "$into" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
cat "$into/$name.tar.gz.sha256"
