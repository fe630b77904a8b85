#!@base@/usr/bin/busybox sh
# Makes the running root match this system: at boot, before systemd, and at a switch.
#
# Debian's busybox shell prefers its own applets to PATH, so it hands over to bash as soon as /usr is there.
b=@base@/usr/bin/busybox

# /usr is a bind mount of the base: the container's /bin, /sbin, /lib and /lib64 are links into it. It leaves the peer
# group of /nix/store's mount; otherwise the next base, mounted over this one, would also appear over this one's store
# path, and going back would do nothing.
same() {
  [ "$($b stat -c %i:%d "$1" 2>/dev/null)" = "$($b stat -c %i:%d "$2")" ]
}
if ! same /usr/lib/systemd/systemd @base@/usr/lib/systemd/systemd; then
  $b mount -o bind @base@/usr /usr && $b mount --make-private /usr && $b mount --make-shared /usr || exit 1
fi

exec @base@/usr/bin/bash @out@/activate-main
