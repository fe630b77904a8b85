#!/bin/bash
# finish.sh RAW OUT: from the unpacked packages in RAW to the fixture's base in OUT.
#
# No maintainer script has run in RAW. What no machine needs is left out; what the scripts would have made is made here.
# Needs no root, and the same RAW gives the same OUT: no times, no host names, no random numbers.
set -euo pipefail
export LC_ALL=C

raw=$(realpath "$1")
out=$(realpath -m "$2")

rm -rf "$out"
mkdir -p "$out"
cp -a --no-preserve=ownership "$raw/usr" "$raw/etc" "$out/"
cd "$out"
chmod -R u+rwX .

# --- left out: documentation, translations, what belongs to Debian's tools, a host, or Perl
rm -rf \
  usr/games usr/include usr/local usr/src \
  usr/lib/{bfd-plugins,debug,init,kernel,lsb} \
  usr/lib/udev/hwdb.d \
  usr/lib/x86_64-linux-gnu/{gconv,perl,perl-base} \
  usr/bin/perl* \
  usr/share/{applications,bash-completion,bsd-i18n,bug,common-licenses,debconf,doc,doc-base,fish,gdb,gitweb,icons} \
  usr/share/{info,initramfs-tools,lintian,locale,man,menu,metainfo,perl,perl5,pixmaps,polkit-1,zsh} \
  etc/{apt,default,dpkg,init.d,kernel,selinux,ssh,update-motd.d,X11,debconf.conf,skel} \
  etc/rc*.d
rm -rf usr/lib/x86_64-linux-gnu/{libperl.so*,perl5} usr/bin/{bash-static,openssl,scalar,git-shell}
# git: one program instead of two copies, and none of the servers and mail tools
rm -f usr/lib/git-core/{git-archimport,git-cvs*,git-daemon,git-http-backend,git-http-push,git-imap-send} \
  usr/lib/git-core/{git-instaweb,git-send-email,git-shell,git-svn,scalar}
ln -sf ../../bin/git usr/lib/git-core/git
find . -name '*.dpkg-*' -delete

# --- usrmerge: what the package base-files and dpkg's diversions make
for dir in bin sbin lib lib64; do
  ln -s "usr/$dir" "$dir"
done

# --- alternatives
ln -sf gawk usr/bin/awk
ln -sf bash usr/bin/sh
ln -sf which.debianutils usr/bin/which

# --- libc-bin, libnss-systemd, libnss-resolve
# No ld.so.cache: the loader's default directories hold every library that has no run path of its own.
sed -E \
  -e 's/^(hosts:.*)files.*/\1files resolve [!UNAVAIL=return] dns myhostname/' \
  -e 's/^(passwd|group|shadow|gshadow):.*/\1: files systemd/' \
  usr/share/libc-bin/nsswitch.conf >etc/nsswitch.conf

# --- libpam-runtime: pam-auth-update
pam() {
  local file=etc/pam.d/common-$1
  shift
  printf '%s\n' "$@" >"$file"
}
pam auth \
  'auth [success=1 default=ignore] pam_unix.so nullok' \
  'auth requisite pam_deny.so' \
  'auth required pam_permit.so'
pam account \
  'account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so' \
  'account requisite pam_deny.so' \
  'account required pam_permit.so'
pam password \
  'password [success=1 default=ignore] pam_unix.so obscure yescrypt' \
  'password requisite pam_deny.so' \
  'password required pam_permit.so'
session=(
  'session [default=1] pam_permit.so'
  'session requisite pam_deny.so'
  'session required pam_permit.so'
  'session required pam_unix.so'
)
pam session-noninteractive "${session[@]}"
# Without pam_systemd a login has no user manager.
pam session "${session[@]}" 'session optional pam_systemd.so'

# --- ca-certificates
mkdir -p etc/ssl/certs
cat usr/share/ca-certificates/mozilla/*.crt >etc/ssl/certs/ca-certificates.crt
rm -rf usr/share/ca-certificates

# --- a store path has no set-uid bit: the activation makes copies that have it, of the programs named here
printf '%s\n' chfn chsh fusermount3 gpasswd mount newgrp passwd su sudo umount >usr/share/setuid-programs
while read -r program; do
  [ -f "usr/bin/$program" ] || { echo "finish.sh: set-uid program missing: $program" >&2; exit 1; }
done <usr/share/setuid-programs

# --- a line that Debian's own debian.conf has too: systemd-tmpfiles would say so at every switch
sed -i '/[[:space:]]\/run\/lock[[:space:]]/d' usr/lib/tmpfiles.d/legacy.conf

# --- modes as the store has them
chmod -R u+rw,go+r,go-w,a-s .
find . -type d -exec chmod 755 {} +
