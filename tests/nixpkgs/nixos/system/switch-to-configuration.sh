#!@base@/usr/bin/bash
# switch-to-configuration switch|boot|test|dry-activate: makes the running machine this system.
#
# Exit codes as NixOS': 0; 1 wrong usage or another switch runs; 2 the activation failed; 3 systemd didn't reload; 4 a
# unit failed. With 2 to 4 everything else was done.
set -u
export PATH=/usr/bin:/usr/sbin LOCALE_ARCHIVE='' LANG=C.UTF-8

new=@out@
old=$(readlink -f /run/current-system)
action=${1:-}

case $action in
  boot) exit 0 ;; # the profile, which the container's init follows, is all there is
  switch | test | dry-activate) ;;
  *)
    echo "usage: switch-to-configuration switch|boot|test|dry-activate" >&2
    exit 1
    ;;
esac

mkdir -p /run/nixos
exec 9>/run/nixos/switch-to-configuration.lock
if ! flock -n 9; then
  echo "Could not acquire lock: another switch is running" >&2
  exit 1
fi

units_of() {
  (cd "$1/etc/systemd/system" 2>/dev/null && find . -maxdepth 1 -name '*.*' ! -type d | sed 's,^\./,,')
}

is_active() {
  case $(systemctl is-active "$1" 2>/dev/null) in
    active | activating | reloading) return 0 ;;
  esac
  return 1
}

stop=() restart=() reload=()
for unit in $(units_of "$old"); do
  before=$old/etc/systemd/system/$unit
  after=$new/etc/systemd/system/$unit
  if [ ! -e "$after" ] || [ "$(readlink -f "$after")" = /dev/null ]; then
    is_active "$unit" && stop+=("$unit")
  elif ! cmp -s "$before" "$after" && is_active "$unit"; then
    if grep -q '^X-RestartIfChanged=false' "$after"; then
      :
    elif grep -q '^X-ReloadIfChanged=true' "$after"; then
      reload+=("$unit")
    else
      restart+=("$unit")
    fi
  fi
done

say() {
  local what=$1
  shift
  [ $# = 0 ] || echo "$what the following units: $*" >&2
}

if [ "$action" = dry-activate ]; then
  say "would stop" "${stop[@]}"
  say "would reload" "${reload[@]}"
  say "would restart" "${restart[@]}"
  exit 0
fi

status=0

say "stopping" "${stop[@]}"
[ ${#stop[@]} = 0 ] || systemctl stop -- "${stop[@]}" || status=4

# What failed before is forgotten, so that what fails now is this system's.
systemctl reset-failed

echo "activating the configuration..." >&2
"$new/activate" || status=2

# Another systemd: the running one executes it, keeping its state.
if [ "$(readlink -f "$old/systemd")" = "$(readlink -f "$new/systemd")" ]; then
  systemctl daemon-reload || status=3
else
  systemctl daemon-reexec || status=3
fi

systemd-tmpfiles --create --remove --exclude-prefix=/dev >/dev/null || status=4

say "reloading" "${reload[@]}"
[ ${#reload[@]} = 0 ] || systemctl reload -- "${reload[@]}" || status=4
say "restarting" "${restart[@]}"
[ ${#restart[@]} = 0 ] || systemctl restart -- "${restart[@]}" || status=4

# What is new is wanted by one of these.
systemctl start default.target paths.target sockets.target timers.target || status=4

failed=$(systemctl list-units --state=failed --plain --no-legend | cut -d' ' -f1)
if [ -n "$failed" ]; then
  echo "warning: the following units failed:" $failed >&2
  # shellcheck disable=SC2086 # one argument a unit
  systemctl status --no-pager --full --lines=10 $failed >&2
  status=4
fi

exit $status
