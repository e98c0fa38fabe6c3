# Sourced by deploy/run and tests/run: makes the machine ready, and .venv from a lock.
# Expects `root`, the checkout's folder.

fail() {
  printf '%s\n' "$@" >&2
  exit 3
}

find_python() {
  local each
  for each in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$each" ] && command -v "$each" >/dev/null &&
      "$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$each"
      return
    fi
  done
  local hint="install it, e.g. \`apt-get install python3 python3-venv\`,"
  fail "Python 3.11 or newer is not installed: $hint" \
    "or name one: PYTHON=/path/to/python3.11 $0"
}

# Prints Debian's packages that the local Kafka still needs, one a line; nothing where all is there
# or a cluster is configured.
packages_for_kafka() {
  [ -z "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || return 0
  local version
  version="$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)" || true
  if [ -z "$version" ] || [ "$version" -lt 17 ]; then
    echo default-jre-headless
  fi
  # Maven only fetches the jars: it is not needed where they are there already
  if ! command -v mvn >/dev/null && ! compgen -G "$root/.cache/kafka/*/kafka_*.jar" >/dev/null; then
    echo maven
  fi
}

# Prints Debian's packages that Python still needs to make .venv, on one line; nothing where all is
# there. A Python that is named by PYTHON, or is no package of Debian's, is left to its owner.
packages_for_python() {
  local python
  python="$(find_python 2>/dev/null)" || {
    echo python3 python3-venv
    return
  }
  [ -x "$root/.venv/bin/python" ] || [ "$python" != /usr/bin/python3 ] ||
    "$python" -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

# install_packages WHAT_FOR PACKAGE...: installs Debian's packages where we may (as root, or by a
# sudo that asks for no password), else says how. Returns at once where none is named.
install_packages() {
  local what_for="$1" as_root=()
  shift
  [ "$#" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    fail "missing for $what_for: $* (names of Debian's packages), and there is no apt-get here:" \
      "install Java 17 or newer, Maven and the like by this system's own means;" \
      "KAFKA_BOOTSTRAP_SERVERS, set to a cluster, makes Java and Maven unnecessary"
  fi
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null ||
      fail "missing for $what_for: $* (names of Debian's packages), and only root may install them:" \
        "run \`sudo apt-get install $*\`, then start again;" \
        "KAFKA_BOOTSTRAP_SERVERS, set to a cluster, makes Java and Maven unnecessary"
    as_root=(sudo -n)
  fi
  echo "installing for $what_for: $*" >&2
  { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -qq -y --no-install-recommends "$@"; } >&2 ||
    fail "apt-get could not install them, see above: install $* by hand"
}

# Installs what Python and the local Kafka need; fails where what was installed does not do (an old
# Java).
make_machine_ready() {
  local packages missing
  mapfile -t packages < <(packages_for_python | tr ' ' '\n' && packages_for_kafka)
  install_packages "Ringfence" "${packages[@]}"
  hash -r
  missing="$(packages_for_kafka | tr '\n' ' ')"
  [ -z "$missing" ] ||
    fail "this system's packages do not do for the local Kafka: ${missing% }" \
      "install Java 17 or newer and Maven by hand, or set KAFKA_BOOTSTRAP_SERVERS to a cluster"
}

require_disk() {
  local free needs="Ringfence needs 2048 MiB for packages, Kafka and its data"
  free="$(df -Pk "$root" | awk 'NR == 2 { print int($4 / 1024) }')"
  if [ "$free" -lt 2048 ]; then
    fail "only $free MiB are free in $root; $needs: make room there"
  fi
}

# Whether the stamp of a lock file shows that its packages are in .venv.
is_installed() {
  local lock="$1" stamp
  stamp="$root/.venv/.$(basename "$lock").stamp"
  [ "$(cat "$stamp" 2>/dev/null)" = "$(cksum <"$lock") $python_version $root" ] &&
    [ -x "$root/.venv/bin/python" ]
}

# make_venv LOCK...: installs the packages of lock files into .venv, those alone whose stamp does
# not show that they are there.
make_venv() {
  local python python_version lock hint missing=()
  python="$(find_python)"
  python_version="$("$python" --version)"
  for lock in "$@"; do
    is_installed "$lock" || missing+=("$lock")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  require_disk
  # an installation that was cut short may have left half a package behind
  if [ -e "$root/.venv/.installing" ] ||
    ! "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
    missing=("$@")
    rm -rf "$root/.venv"
    "$python" -m venv "$root/.venv" || {
      rm -rf "$root/.venv"
      hint="install its venv module, e.g. \`apt-get install python3-venv\`"
      fail "$python cannot make a virtual environment: $hint"
    }
  fi
  touch "$root/.venv/.installing"
  for lock in "${missing[@]}"; do
    install_lock "$lock"
  done
  write_command
  rm "$root/.venv/.installing"
}

# Installs the packages of one lock file into .venv, and leaves its stamp there.
install_lock() {
  local lock="$1" stamp hint
  stamp="$root/.venv/.$(basename "$lock").stamp"
  echo "installing the packages of $(basename "$lock") into .venv, once" >&2
  rm -f "$stamp"
  "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --prefer-binary --requirement "$lock" || {
    hint="look at the network and pip's configuration, then start again"
    fail "the packages could not be installed, see above: $hint"
  }
  echo "$(cksum <"$lock") $python_version $root" >"$stamp"
}

# Writes .venv/bin/ringfence, a command that works from any folder.
write_command() {
  local file="$root/.venv/bin/ringfence"
  cat >"$file.new" <<END
#!/usr/bin/env bash
export PYTHONPATH="$root\${PYTHONPATH:+:\$PYTHONPATH}"
exec "$root/.venv/bin/python" -P -m streams.cli "\$@"
END
  chmod +x "$file.new"
  mv "$file.new" "$file"
}

# A tool with a virtual environment of its own, .cache/NAME, out of deploy/requirements-NAME.lock.
make_tool() {
  local name="$1" lock="$root/deploy/requirements-$1.lock" venv="$root/.cache/$1" wanted
  wanted="$(cksum <"$lock") $root"
  [ "$(cat "$venv/.stamp" 2>/dev/null)" != "$wanted" ] || return 0
  echo "installing the packages of $(basename "$lock") into .cache/$name, once" >&2
  "$root/.venv/bin/python" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --prefer-binary --requirement "$lock" ||
    fail "the packages could not be installed, see above:" \
      "look at the network and pip's configuration, then start again"
  echo "$wanted" >"$venv/.stamp"
}
