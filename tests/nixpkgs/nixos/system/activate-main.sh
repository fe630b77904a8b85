# The activation after /usr is there; see activate.sh. Exit code 0, or that of a failed command: the rest was done.
export PATH=/usr/bin:/usr/sbin LANG=C.UTF-8 HOME=/root
umask 0022

systemConfig=@out@
_status=0
trap '_status=1 _localstatus=$?' ERR

# --- stdio, var, specialfs
mkdir -p -m 0755 /etc /home /var/cache /var/empty /var/lib /var/log /nix/var/nix/gcroots
mkdir -p -m 1777 /tmp /var/tmp
mkdir -p /run/lock
ln -sfn /run /var/run
ln -sfn /run/lock /var/lock

# --- etc
ln -sfn @etc@/tree /etc/static
for dir in systemd/system systemd/user; do
  [ -L /etc/$dir ] || rm -rf "/etc/$dir"
done
cp -a --remove-destination --no-preserve=ownership,timestamps @etc@/links/. /etc/
chmod 755 /etc
find /etc -type d ! -perm 755 ! -perm 700 -exec chmod u+rwx,go+rx {} +
# Links that an older generation left.
find /etc -xtype l -lname '/etc/static/*' | while IFS= read -r link; do
  [ -L "@etc@/tree/${link#/etc/}" ] || rm -f "$link"
done
while IFS=$'\t' read -r target mode owner; do
  mkdir -p "$(dirname "/etc/$target")"
  cp -L --remove-destination "@etc@/tree/$target" "/etc/$target.tmp"
  chown "$owner" "/etc/$target.tmp" 2>/dev/null || late_owners+=("$owner" "/etc/$target")
  chmod "$mode" "/etc/$target.tmp"
  mv -f "/etc/$target.tmp" "/etc/$target"
done <@etc@/copies
# Empty, systemd fills it in; without it, systemd would take every start for the first one.
: >>/etc/machine-id
ln -sfn /proc/self/mounts /etc/mtab

ln -sfn @out@ /run/current-system

# --- users, groups
systemd-sysusers
while IFS=: read -r user password; do
  # "!": sysusers made the user and nobody has set a password since.
  case $(grep "^$user:" /etc/shadow) in
    "$user:!"*) printf '%s:%s\n' "$user" "$password" | chpasswd -c YESCRYPT ;;
  esac
done </etc/nixos-initial-passwords
while read -r user home; do
  if [ ! -d "$home" ]; then
    mkdir -p "$home"
    chown -R "$user:" "$home"
    chmod 700 "$home"
  fi
done </etc/nixos-homes
set -- "${late_owners[@]}"
while [ $# -gt 0 ]; do
  chown "$1" "$2"
  shift 2
done

# --- wrappers: the store has no set-uid bit
mkdir -p -m 755 /run/wrappers/bin
while read -r program; do
  if ! cmp -s "/usr/bin/$program" "/run/wrappers/bin/$program"; then
    cp --remove-destination --no-preserve=mode "/usr/bin/$program" "/run/wrappers/bin/$program"
    chmod 4755 "/run/wrappers/bin/$program"
  fi
done </usr/share/setuid-programs

# --- hostname
if [ -s /etc/hostname ]; then
  hostname -F /etc/hostname
fi

@snippets@

exit $_status
