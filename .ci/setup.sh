# What the scripts beside this one begin with; it is sourced, from the top of the
# tree: what a bare machine lacks, a folder $bin that goes with the shell, its programs
# first in PATH, and step.

step() { printf '\n== %s\n' "$*"; }

step "what the tests need"
missing=()
command -v gcc >/dev/null || missing+=(gcc libc6-dev)          # -race
command -v mariadbd >/dev/null || missing+=(mariadb-server)    # the stores' contract on a real server
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}" >/dev/null
fi
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
(cd deploy/tools && go build -o "$bin/" tool)
(cd deploy/tools/consul && go build -o "$bin/" tool)           # the registry's contract on the real one; minutes when cold
export PATH="$bin:$PATH"

# targets lists the fuzz targets: folder and name.
targets() {
  git grep -n '^func Fuzz' -- '*_test.go' | sed -E 's#^(.*)/[^/]+:[0-9]+:func (Fuzz[A-Za-z0-9_]+).*#\1 \2#'
}
