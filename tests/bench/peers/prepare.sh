# Sourced by tests/bench/run for --peers: makes .cache/quix and .cache/peers, once.
# Expects `root`, the checkout's folder, and what deploy/prepare.sh defines.

# Kafka Streams with the jars whose digests stand beside the pom, compiled with the peer's sources.
make_peers() {
  local sources="$root/tests/bench/peers/java" made="$root/.cache/peers" packages=() wanted half
  command -v javac >/dev/null || packages+=(default-jdk-headless)
  command -v mvn >/dev/null || packages+=(maven)
  install_packages "the peers of the benchmark" "${packages[@]}"
  make_tool quix
  wanted="$(cat "$sources"/* | cksum)"
  [ "$(cat "$made/.stamp" 2>/dev/null)" != "$wanted" ] || return 0
  echo "fetching Kafka Streams' jars and compiling the peer into .cache/peers, once (96 MB)" >&2
  half="$made.$$"
  mkdir -p "$half"
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$half'" EXIT
  mvn -B -q -Dstyle.color=never -f "$sources/pom.xml" dependency:copy-dependencies \
    "-DoutputDirectory=$half/lib" ||
    fail "Kafka Streams' jars could not be had, see above:" \
      "look at the network and Maven's settings.xml, then start again"
  (cd "$half/lib" && sha256sum -- *.jar) | diff - "$sources/jars.sha256" >&2 ||
    fail "other jars came (<) than $sources/jars.sha256 lists (>):" \
      "if pom.xml was changed on purpose, write their digests there, else ask who serves them"
  javac -d "$half" -cp "$half/lib/*" "$sources"/*.java ||
    fail "the peer could not be compiled, see above: it needs a JDK of 17 or newer"
  echo "$wanted" >"$half/.stamp"
  rm -rf "$made"
  mv "$half" "$made"
  trap - EXIT
}
