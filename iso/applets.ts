/**
 * The programs that Debian's busybox-static 1.37.0 is, from its own `busybox --list-full`, by the folder
 * below usr/ that they belong to. The image has a link for each that no real program has the name of.
 */
export const busyboxApplets: Readonly<Record<'bin' | 'sbin', string>> = {
  bin:
    '[ [[ ar arch ascii ash awk base64 basename bc blkdiscard bunzip2 bzcat bzip2 cal cat chgrp chmod ' +
    'chown chvt clear cmp cp cpio crc32 crontab cttyhack cut date dc dd deallocvt df diff dirname dmesg ' +
    'dnsdomainname dos2unix dpkg dpkg-deb du dumpkmap dumpleases echo ed egrep env expand expr factor ' +
    'fallocate false fatattr fgrep find fold free ftpget ftpput getfattr getopt grep groups gunzip gzip ' +
    'head hexdump hostid hostname id install ionice ipcalc kill killall last less link linux32 linux64 ln ' +
    'logger login logname ls lsscsi lzcat lzma lzop md5sum microcom mkdir mkfifo mknod mkpasswd mktemp ' +
    'more mount mt mv nc netstat nl nproc nsenter nslookup nuke od openvt passwd paste patch pidof ping ' +
    'ping6 printf ps pwd readlink realpath renice reset resume rev rm rmdir rpm rpm2cpio run-parts sed ' +
    'seq setkeycodes setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ' +
    'ssl_client stat strings stty su svc svok sync tac tail tar taskset tee telnet test tftp time timeout ' +
    'top touch tr traceroute traceroute6 true truncate ts tty udhcpc6 umount uname uncompress unexpand ' +
    'uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vi w watch wc wget ' +
    'which who whoami xargs xxd xz xzcat yes zcat',
  sbin:
    'acpid adjtimex arp arping blockdev brctl chroot crond depmod devmem fdisk findfs freeramdisk ' +
    'fsfreeze fstrim getty halt httpd hwclock i2cdetect i2cdump i2cget i2cset i2ctransfer ifconfig ifdown ' +
    'ifup init insmod ip klogd loadfont loadkmap logread losetup lsmod mdev mim mkdosfs mke2fs mkswap ' +
    'modinfo modprobe nameif nbd-client nologin partprobe pivot_root poweroff rdate reboot rmmod route ' +
    'run-init start-stop-daemon sulogin swapoff swapon switch_root sysctl syslogd tc telnetd tunctl ' +
    'ubirename udhcpc udhcpd uevent vconfig watchdog',
};

/**
 * The links to busybox in the initramfs: what its init runs, and modprobe where the kernel looks for it.
 */
export const initramfsApplets: Readonly<Record<'bin' | 'sbin', string>> = {
  bin: 'sh cat dmesg echo find grep ls mkdir mknod mount ps rm sleep sort tr umount uname usleep xargs',
  sbin: 'findfs insmod losetup lsmod modprobe poweroff reboot switch_root',
};
