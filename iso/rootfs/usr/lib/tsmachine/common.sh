# Sourced by every script here.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

run_dir=/run/tsmachine
identity_dir=$run_dir/identity
persistent_dir=/var/lib/boot2docker

# Tells the host where the start has got to: one line on the console, uptime in seconds first.
mark() {
  read -r up _ </proc/uptime
  echo "TS $up $*" >/dev/console
}

# True when the kernel line has this word.
kernel_word() {
  case " $(cat /proc/cmdline) " in
    *" $1 "*) return 0 ;;
  esac
  return 1
}

# What follows NAME= on the kernel line.
kernel_value() {
  for word in $(cat /proc/cmdline); do
    case $word in
      "$1="*) echo "${word#*=}" ;;
    esac
  done
}

# Waits at the gate of this name, if there is one, until somebody opens it for writing.
pass_gate() {
  if [ -p "$run_dir/$1.gate" ]; then
    read -r _ <"$run_dir/$1.gate"
    rm -f "$run_dir/$1.gate"
  fi
}
