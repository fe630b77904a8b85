#!@base@/usr/bin/busybox sh
# The system's init: PID 1 comes here from the container's own init. Only the static busybox works until /usr is there.
b=@base@/usr/bin/busybox
export PATH=@base@/usr/bin HOME=/root

# systemd would mount its own tmpfs on /run and hide what the activation puts there; it keeps one that it finds.
$b grep -q ' /run ' /proc/self/mounts || $b mount -t tmpfs -o mode=755,nodev,size=25% tmpfs /run

@out@/activate
$b ln -sfn @out@ /run/booted-system
exec /usr/lib/systemd/systemd "$@"
