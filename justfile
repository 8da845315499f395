# `just` lists what can be done.
_default:
    @just --list

# Everything that CI runs.
ci:
    .ci/run

# The stock scenarios against the embedded mock provider.
run *ARGS:
    cargo run --release -- run {{ARGS}}

test *ARGS:
    cargo test --release --workspace {{ARGS}}

lint:
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy --manifest-path fuzz/Cargo.toml --all-targets -- -D warnings

# Rewrites generated files and snapshots; look at `git diff` afterwards.
golden:
    cargo run --release -- vectors --into golden/vectors
    UPDATE_GOLDEN=1 UPDATE_UI=1 INSTA_UPDATE=always cargo test --release --workspace

# The figures, each against a baseline in the same run.
bench *NAMES:
    cargo bench -p counterfoil --bench figures -- {{NAMES}}

# The same, held against the merge base with REVISION: what is a fifth worse or more is flagged.
bench-against REVISION="main":
    ci/bench-compare --against {{REVISION}}

# One static binary, packed for a release.
dist INTO="dist":
    ci/release.sh {{INTO}}

# Fuzz targets, or all of them; needs a nightly toolchain and cargo-fuzz.
fuzz *ARGS:
    fuzz/run {{ARGS}}

# Licences, advisories and duplicates of dependencies; needs cargo-deny.
deny:
    cargo deny check
