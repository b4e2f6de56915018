/**
 * The kernel modules of the image. Dependencies are added by the build; soft dependencies are
 * written out here, because busybox' modprobe does not follow them.
 */
import type { Architecture } from './packages.ts';

/** Modules of the root file system, by purpose. A name may also be built into the kernel. */
export const rootModules: Readonly<Record<string, string>> = {
  block: 'virtio_blk virtio_scsi ahci ata_piix sd_mod sr_mod nvme virtio_mmio mptspi vmw_pvscsi hv_storvsc',
  network: 'virtio_net e1000 e1000e pcnet32 vmxnet3 hv_netvsc',
  guestServices:
    'qemu_fw_cfg virtio_balloon virtio_console virtio-rng vmw_vsock_virtio_transport ptp_kvm vboxguest vboxsf hv_vmbus hv_utils ' +
    'hv_balloon hv_sock pci-hyperv hyperv_keyboard vmw_vsock_vmci_transport vmw_balloon vmw_vmci',
  fileSystems:
    'erofs squashfs overlay isofs loop ext4 vfat nls_cp437 nls_iso8859-1 nls_ascii nls_utf8 9p 9pnet_virtio ' +
    'virtiofs fuse nfs nfsv3 nfsv4 cifs ccm cmac xfs',
  containerNetwork: 'bridge br_netfilter veth nf_nat nf_conntrack nf_conntrack_netlink',
  iptablesLegacy:
    'ip_tables iptable_nat iptable_filter iptable_mangle iptable_raw ip6_tables ip6table_nat ip6table_filter ' +
    'ip6table_mangle ip6table_raw ipt_REJECT ip6t_REJECT ipt_rpfilter ip6t_rpfilter',
  nftables:
    'nf_tables nft_compat nft_chain_nat nft_ct nft_nat nft_masq nft_fib nft_fib_ipv4 nft_fib_ipv6 nft_fib_inet ' +
    'nft_log nft_limit nft_redir nft_reject nft_reject_inet nft_reject_ipv4 nft_reject_ipv6 nft_numgen nft_hash ' +
    'nft_socket nft_tproxy nft_quota nft_connlimit nf_log_syslog nfnetlink_log',
  xtablesMatches:
    'xt_conntrack xt_addrtype xt_MASQUERADE xt_nat xt_mark xt_comment xt_tcpudp xt_multiport xt_set xt_ipvs xt_state ' +
    'xt_REDIRECT xt_limit xt_bpf xt_u32 xt_policy xt_LOG xt_NFLOG xt_cgroup xt_statistic xt_recent xt_owner xt_CT ' +
    'xt_connmark xt_TPROXY xt_CHECKSUM xt_iprange xt_physdev xt_TCPMSS xt_string',
  connectionHelpers: 'nf_nat_ftp nf_conntrack_ftp nf_nat_tftp nf_conntrack_tftp',
  setsAndIpvs: 'ip_set ip_set_hash_net ip_set_hash_ip ip_set_bitmap_port ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh',
  otherNetworks: 'vxlan macvlan ipvlan dummy tun wireguard 8021q',
  ipsec: 'xfrm_user xfrm_algo esp4 xt_esp seqiv ghash-generic authenc echainiv',
  trafficControl: 'sch_htb sch_ingress sch_netem cls_bpf cls_cgroup cls_u32 act_mirred ifb tcp_bbr',
  storage: 'binfmt_misc dm_mod dm_crypt dm_thin_pool zram',
  input: 'button psmouse evdev gpio_keys',
  crypto: 'crc32c_intel crc32c_generic libcrc32c aesni_intel gcm algif_hash algif_skcipher',
  usb: 'xhci-pci usb-storage',
};

/**
 * Modules of the initramfs: what can hold the root file system, the file systems themselves, and
 * fw_cfg. Dependencies are named too, so that a change in them is seen.
 */
export const initramfsModules =
  'crc32c-intel crc32c_generic libcrc32c crc16 virtio_blk virtio_scsi ahci libahci ata_piix libata nvme nvme-core ' +
  'nvme-auth sd_mod sr_mod cdrom scsi_mod scsi_common scsi_transport_fc scsi_transport_spi mptbase mptscsih mptspi ' +
  'vmw_pvscsi hv_vmbus hv_storvsc loop isofs squashfs erofs overlay ext4 jbd2 mbcache qemu_fw_cfg virtio_console';

/** Modules that the kernel of an architecture does not have, because the hardware does not exist there. */
export const absentModules: Readonly<Record<Architecture, string>> = {
  amd64: '',
  arm64:
    'vmw_pvscsi vboxguest vboxsf vmw_vsock_vmci_transport vmw_balloon vmw_vmci crc32c_intel crc32c-intel aesni_intel',
};
