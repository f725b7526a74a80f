/* What kind of network device a link is, and at which hook programs for packets are best attached
 * to it. Knows no program; what comes and goes is in os/links.h. */
#ifndef OS_DEVICE_H
#define OS_DEVICE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_NAME_MAX = 16, DEVICE_WHY_MAX = 160 };

struct device {
	uint32_t index;
	char name[DEVICE_NAME_MAX];
	char kind[DEVICE_NAME_MAX]; /* the kernel's word: "veth", "bridge", "tun", "vlan"…; "": none
				     */
	bool physical;		    /* a bus has it: PCI, USB, virtio */
	uint16_t hardware;	    /* ARPHRD_… */
	bool ethernet;		    /* frames begin with an Ethernet header */
	bool loopback;
	uint32_t mtu;
	uint32_t master; /* index of its bridge or bond; 0: none */
	bool apart;	 /* its other end, or what lies below it, is in another network namespace */
	bool queues;	 /* packets that leave by it go through a queueing discipline */
	/* Whether its driver runs XDP programs; UNKNOWN before Linux 6.3: attach one and see. */
	enum { DEVICE_XDP_UNKNOWN, DEVICE_XDP_NO, DEVICE_XDP_YES } xdp;
};

/* In the network namespace of the calling thread; needs no capability. ENODEV. */
MUST enum err device_get(uint32_t index, struct device *ret);

struct device_choice {
	bool xdp;		  /* XDP in the driver, and tc beside it; else tc alone */
	char why[DEVICE_WHY_MAX]; /* for people: "eth0 is hardware whose driver runs XDP" */
};
/* XDP where it costs nothing but cycles: on hardware whose driver runs it. On a veth it breaks GSO
 * packets up and loses checksums that were left to the device; generic XDP copies each packet. */
void device_choose(const struct device *device, struct device_choice *ret);

/* Whether what is to leave by it may as well be put straight into its other end
 * (bpf_redirect_peer): a veth on its own, whose other end is in another network namespace, without
 * a queueing discipline that would want to see it. */
bool device_has_peer(const struct device *device);

/* What leaves by the device has its checksums filled in already, as on a wire. A veth leaves them
 * to a card that is not there, and who looks on sees them half made. Needs CAP_NET_ADMIN.
 * ENODEV. */
MUST enum err device_fill_checksums(const char *name);

#endif
