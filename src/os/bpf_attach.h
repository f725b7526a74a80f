/* Programs attached to network devices, so that they stay when this process goes, and are replaced
 * without a packet between the old and the new. Knows no program; the kind of a device is in
 * os/device.h.
 *
 * Where the kernel has a link for it (XDP; tcx since Linux 6.6), the link is pinned in a folder of
 * a BPF file system as xdp_INDEX, in_INDEX or out_INDEX of the device; a clsact filter stays by
 * itself and is ours by its handle and priority. All in the network namespace of the calling
 * thread. */
#ifndef OS_BPF_ATTACH_H
#define OS_BPF_ATTACH_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bpf_hook {
	BPF_HOOK_XDP,	  /* what arrives, before the kernel looks at it */
	BPF_HOOK_INGRESS, /* tc: what arrives */
	BPF_HOOK_EGRESS,  /* tc: what leaves */
	BPF_HOOKS
};
enum bpf_way {
	BPF_WAY_ANY, /* XDP: in the driver, else generic. tc: tcx, else clsact */
	BPF_WAY_NATIVE,
	BPF_WAY_GENERIC,
	BPF_WAY_TCX,
	BPF_WAY_CLSACT
};
/* "xdp", "ingress", "egress"; "native", "generic", "tcx", "clsact". */
const char *bpf_hook_name(enum bpf_hook hook);
const char *bpf_way_name(enum bpf_way way);

struct bpf_attachment {
	uint32_t ifindex; /* 0: its device is gone */
	enum bpf_hook hook;
	enum bpf_way way;
	uint32_t program_id;
	bool replaced; /* by bpf_attach: another program of ours was there before */
};

/* Attaches; ours that is there already by the same way is replaced at once, by another way it is
 * removed after. ERR_EXISTS: somebody else's XDP program is there; ERR_UNSUPPORTED: the device or
 * kernel does not have that way. */
MUST enum err bpf_attach(const char *folder, uint32_t ifindex, enum bpf_hook hook, enum bpf_way way,
			 int program_fd, struct bpf_attachment *ret);

/* OK when nothing of ours is there, or the device is gone. */
MUST enum err bpf_detach(const char *folder, uint32_t ifindex, enum bpf_hook hook);

/* Ours on a device, whoever attached it. ERR_ABSENT. */
MUST enum err bpf_attached(const char *folder, uint32_t ifindex, enum bpf_hook hook,
			   struct bpf_attachment *ret);

/* Calls for each link that is pinned in folder, also those whose devices are gone: these are
 * removed when the callback has returned. clsact filters have no pins: ask bpf_attached for each
 * device. */
MUST enum err bpf_attached_pins(const char *folder,
				void (*call)(void *arg, const struct bpf_attachment *a), void *arg);

/* Everybody's programs on a device. */
struct bpf_neighbour {
	enum bpf_hook hook;
	enum bpf_way way;
	uint32_t program_id;
	bool ours;
	char name[64]; /* of the filter or program; "": not told to us */
};
/* Up to list_max of them; ret_n may be more. What this user may not ask for is left out. */
MUST enum err bpf_attached_all(const char *folder, uint32_t ifindex, struct bpf_neighbour *list,
			       size_t list_max, size_t *ret_n);

#endif
