/* Which programs stand on which device, and why; and that they stand there, in an order in which
 * nothing private leaves. Knows no rule.
 *
 *	on		the guard on the ways out, then tc on the ways in, then XDP, then forwarding
 *	off		forwarding, XDP, the ways in, the guard last
 */
#ifndef NAT_IO_ATTACH_H
#define NAT_IO_ATTACH_H

#include "os/bpf_attach.h"
#include "os/device.h"
#include "service/nat/io_plane.h"

struct nat_conf;
struct nat_net;

enum { NAT_ATTACHED_MAX = 512 };

/* A device of a zone. */
struct nat_attached {
	uint32_t ifindex;
	char name[DEVICE_NAME_MAX];
	int zone;
	bool has[BPF_HOOKS];
	enum bpf_way way[BPF_HOOKS];
	bool looked;  /* whether there was XDP before us */
	bool peer;    /* what leaves by it is put straight into its other end */
	enum err err; /* of the last try */
	char why[DEVICE_WHY_MAX];
};

struct nat_attachments {
	struct nat_attached items[NAT_ATTACHED_MAX];
	size_t n;
	bool looked; /* for what was attached before us */
	bool off;    /* by order: nothing is attached any more */
};

/* Attaches what lacks and detaches what is in no zone any more; errors are logged once and kept in
 * the item. */
void nat_attach(struct nat_attachments *a, const struct nat_plane *p, const struct nat_conf *conf,
		const struct nat_net *net);
/* How packets may be sent to the device: NAT_DEVICE_XDP_SEND, NAT_DEVICE_PEER. */
uint16_t nat_attach_sends(const struct nat_attachments *a, uint32_t ifindex);
/* Whether each outside device has its guard. */
bool nat_attach_is_guarded(const struct nat_attachments *a);
/* Takes everything off, also what others than this process have attached for us. */
MUST enum err nat_attach_end(struct nat_attachments *a, const struct nat_plane *p,
			     const struct nat_net *net);

#endif
