# Sourced by the scripts that unpack packages: an apt of its own, for which nothing is installed, with the packages of one
# Debian. TSMACHINE_DEBIAN_MIRROR names the mirror; default: the one that apt uses.
#   own_apt DIRECTORY SUITE     exports APT_CONFIG, and fetches the lists
own_apt() {
  local apt=$1 suite=$2 mirror
  mirror=${TSMACHINE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)}
  [ -n "$mirror" ] || { echo "error: apt knows no Debian mirror; set TSMACHINE_DEBIAN_MIRROR" >&2; exit 1; }
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
  cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
CONF
  export APT_CONFIG=$apt/apt.conf
  apt-get update -qq
}
