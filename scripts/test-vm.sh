#!/bin/sh
# Runs the tests of internal/launch on arm64 and on the kernel of Debian 12, in a virtual machine without network.
# qemu-user cannot: it turns memory that parent and child share into a copy.
#
# usage: scripts/test-vm.sh [WORKDIR]
#
# Needs qemu-system-aarch64, cpio, and either apt with Debian's arm64 packages (dpkg --add-architecture arm64) or
# KERNEL=vmlinuz BUSYBOX=busybox of that processor. Takes two minutes.
set -eu

work=${1:-$(mktemp -d)}
package=$(cd "$(dirname "$0")/../internal/launch" && pwd)
mkdir -p "$work/root"
work=$(cd "$work" && pwd)

if [ -z "${KERNEL:-}" ]; then
	kernel=$(apt-cache search --names-only '^linux-image-.*-cloud-arm64-unsigned$' | sort -V | tail -n 1 | cut -d' ' -f1)
	(cd "$work" && apt-get download "$kernel:arm64" busybox-static:arm64)
	for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/debs"; done
	KERNEL=$(echo "$work"/debs/boot/vmlinuz-*)
	BUSYBOX=$work/debs/bin/busybox
fi

root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp"
cp "$BUSYBOX" "$root/bin/busybox"
for name in cat chmod env false grep ls mount poweroff sed sh sleep true; do ln -sf busybox "$root/bin/$name"; done
(cd "$package" && CGO_ENABLED=0 GOARCH=arm64 go test -c -o "$root/launch.test" .)
cat >"$root/init" <<'INIT'
#!/bin/sh
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
chmod 1777 /tmp
exec >/dev/console 2>&1
cat /proc/version
if /launch.test -test.short -test.v; then echo "launch: all passed"; fi
poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initrd.gz"

timeout 600 qemu-system-aarch64 -M virt -cpu cortex-a57 -smp 2 -m 1024 -no-reboot -nodefaults -net none -display none \
	-serial stdio -kernel "$KERNEL" -initrd "$work/initrd.gz" -append "console=ttyAMA0 quiet panic=-1" </dev/null | tee "$work/log"
grep -q '^launch: all passed' "$work/log"
