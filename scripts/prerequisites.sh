# Sourced by ./quickstart and ./check: installs programs that are missing, and says which.

say() { printf '==> %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$1" >&2
  [ $# -gt 1 ] && printf 'try: %s\n' "$2" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "$1 needs root, and sudo is not installed" "run this script as root, or install: $*"
  fi
}

require_node() {
  command -v node >/dev/null || die "Node.js is not installed" "install Node.js 20.19 or newer: https://nodejs.org/"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js $(node --version) is too old" "install Node.js 20.19 or newer: https://nodejs.org/"
}

# install_apt PROGRAM:PACKAGE ... ; a PROGRAM with a slash is a file that the package brings.
install_apt() {
  local packages=() pair program
  for pair in "$@"; do
    program=${pair%%:*}
    case $program in
      */*) [ -e "$program" ] || packages+=("${pair#*:}") ;;
      *) command -v "$program" >/dev/null || packages+=("${pair#*:}") ;;
    esac
  done
  [ ${#packages[@]} = 0 ] && return 0
  say "Installing with apt: ${packages[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

install_brew() {
  local formulas=() pair
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || formulas+=("${pair#*:}")
  done
  [ ${#formulas[@]} = 0 ] && return 0
  command -v brew >/dev/null || die "Homebrew is not installed" "install it from https://brew.sh/, or install: ${formulas[*]}"
  say "Installing with Homebrew: ${formulas[*]}"
  brew install --quiet "${formulas[@]}"
}

# The package that has the docker client: Debian 13 has it alone, older ones only together with the engine.
docker_client_package() {
  if apt-cache show docker-cli >/dev/null 2>&1; then echo docker-cli; else echo docker.io; fi
}

# Debian's docker client alone, for the tests: unpacked into the cache, because its package may bring an engine.
fetch_docker_client() {
  local directory=${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/docker-client
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  [ -z "${TSMACHINE_TEST_DOCKER:-}" ] || return 0
  [ ! -x "$directory/usr/bin/docker" ] || return 0
  apt-cache show docker.io >/dev/null 2>&1 || (as_root apt-get update -qq) || true
  local package
  package=$(docker_client_package)
  say "Fetching Debian's docker client from $package"
  # Without it one test is skipped, which is no reason to run none.
  (
    rm -rf "$directory.new" && mkdir -p "$directory.new" && cd "$directory.new" &&
      apt-get download -qq -o APT::Sandbox::User=root "$package" &&
      dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x ./usr/bin/docker &&
      rm "$package"_*.deb && rm -rf "$directory" && mv "$directory.new" "$directory"
  ) || say "Could not fetch $package; its test will be skipped"
}

# A stand-in for the API of Amazon EC2, for the tests of its driver: unpacked into the cache.
fetch_moto() {
  local directory=${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/moto
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  [ ! -e "$directory/moto/server.py" ] || return 0
  say "Fetching moto from the packages of Debian 13"
  test/support/unpack-moto.sh "$directory" >/dev/null || say "Could not fetch moto; its tests will be skipped"
}

# A web server for a container, for the tests of published ports.
fetch_web_server() {
  local file=${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/web-server.tar
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  [ ! -e "$file" ] || return 0
  say "Fetching nginx from Debian's packages"
  apt-cache show nginx >/dev/null 2>&1 || (as_root apt-get update -qq) || true
  mkdir -p "$(dirname "$file")"
  test/support/unpack-web-server.sh "$file" >/dev/null || say "Could not fetch nginx; its test will be skipped"
}

# The plugin buildx for that client, for the tests of builders: unpacked into the cache.
fetch_buildx() {
  local directory=${XDG_CACHE_HOME:-$HOME/.cache}/tsmachine/buildx
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  [ ! -d "$directory" ] || return 0
  say "Fetching buildx from the packages of Debian 13"
  mkdir -p "$(dirname "$directory")"
  test/support/unpack-packages.sh "$directory" docker-buildx >/dev/null || say "Could not fetch buildx; its tests will be skipped"
}

install_prerequisites() {
  local arch
  arch=$(uname -m)
  case $(uname -s) in
    Darwin) install_brew qemu-img:qemu docker:docker ;;
    Linux)
      if command -v apt-get >/dev/null; then
        case $arch in
          aarch64) install_apt qemu-system-aarch64:qemu-system-arm qemu-img:qemu-utils ;;
          *) install_apt qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils ;;
        esac
        command -v docker >/dev/null || {
          as_root apt-get update -qq
          install_apt "docker:$(docker_client_package)"
        }
      else
        for program in "qemu-system-${arch/arm64/aarch64}" qemu-img docker; do
          command -v "$program" >/dev/null || die "$program is not installed" "install it with your package manager"
        done
      fi
      ;;
    *) die "this script knows Linux and macOS, not $(uname -s)" "on Windows: npm ci; npm run build; npm run image; node bin/tsmachine.js create" ;;
  esac
}

# npm ci only when what is installed is older than what is asked for.
install_packages() {
  if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    say "Installing npm packages"
    npm ci --no-fund --no-audit --loglevel=error
    touch node_modules/.package-lock.json
  fi
}

build() {
  say "Building"
  npm run --silent --loglevel=error build
}

image_architecture() {
  case $(uname -m) in aarch64 | arm64) echo arm64 ;; *) echo amd64 ;; esac
}

# The image is made again when anything that goes into it is newer. QEMU needs no ISO, which takes the longest to make.
build_image() {
  local manifest
  manifest=build/image/$(image_architecture)/manifest.json
  if [ ! -e "$manifest" ] || [ -n "$(find iso -newer "$manifest" -type f -print -quit)" ]; then
    say "Assembling the machine image from signed Debian packages (downloads about 200 MB the first time)"
    node bin/tsmachine.js image build --no-iso "$@"
  fi
}
