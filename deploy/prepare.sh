# Sourced by deploy/run and tests/run: checks the machine and makes .venv from a lock.
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
  fail "Python 3.11 or newer is not installed: install it, e.g. \`apt-get install python3 python3-venv\`," \
    "or name one: PYTHON=/path/to/python3.11 $0"
}

# What is missing for the local Kafka, as words; nothing where all is there or a cluster is named.
missing_for_kafka() {
  [ -z "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || return 0
  local version
  version="$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)" || true
  if [ -z "$version" ] || [ "$version" -lt 17 ]; then
    echo "Java 17 or newer"
  fi
  # without Maven it also runs where the jars were fetched before
  if ! command -v mvn >/dev/null && ! compgen -G "$root/.cache/kafka/*/kafka_*.jar" >/dev/null; then
    echo "Maven (mvn)"
  fi
}

require_disk() {
  local free
  free="$(df -Pk "$root" | awk 'NR == 2 { print int($4 / 1024) }')"
  if [ "$free" -lt 2048 ]; then
    fail "only $free MiB are free in $root; Ringfence needs 2048 MiB for packages, Kafka and its data: make room there"
  fi
}

# Makes .venv hold what the lock names; does nothing when a stamp says that it does.
make_venv() {
  local lock="$1" python stamp wanted
  python="$(find_python)"
  stamp="$root/.venv/.$(basename "$lock").stamp"
  wanted="$(cksum <"$lock") $("$python" --version) $root"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x "$root/.venv/bin/python" ]; then
    return
  fi
  require_disk
  echo "installing the packages of $(basename "$lock") into .venv, once" >&2
  # an installation that was cut short may have left half a package behind
  if [ -e "$root/.venv/.installing" ] || ! "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$root/.venv"
    "$python" -m venv "$root/.venv" || {
      rm -rf "$root/.venv"
      fail "$python cannot make a virtual environment: install its venv module, e.g. \`apt-get install python3-venv\`"
    }
  fi
  touch "$root/.venv/.installing"
  rm -f "$stamp"
  "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --prefer-binary --requirement "$lock" ||
    fail "the packages could not be installed, see above: look at the network and pip's configuration, then start again"
  write_command
  echo "$wanted" >"$stamp"
  rm "$root/.venv/.installing"
}

# .venv/bin/ringfence, which works from any folder.
write_command() {
  local file="$root/.venv/bin/ringfence"
  cat >"$file.new" <<END
#!/usr/bin/env bash
PYTHONPATH="$root\${PYTHONPATH:+:\$PYTHONPATH}" exec "$root/.venv/bin/python" -P -m streams.cli "\$@"
END
  chmod +x "$file.new"
  mv "$file.new" "$file"
}
