#include "os/bpf_tc.h"

#include "os/bpf_inner.h"
#include "os/netlink_request.h"

#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* "gh". The kernel chooses priorities from 49152 up when it is not told one: ours is asked before.
 */
enum { OUR_HANDLE = 0x6768, OUR_PRIORITY = 0x6768, ATTRIBUTES_MAX = 64 };

static struct bpf_tc_hook hook_of(uint32_t ifindex, enum bpf_hook hook)
{
	return (struct bpf_tc_hook){.sz = sizeof(struct bpf_tc_hook),
				    .ifindex = (int)ifindex,
				    .attach_point = hook == BPF_HOOK_INGRESS ? BPF_TC_INGRESS
									     : BPF_TC_EGRESS};
}

enum err bpf_tc_put(uint32_t ifindex, enum bpf_hook hook, int program_fd, bool *ret_replaced)
{
	struct bpf_tc_hook at = hook_of(ifindex, hook);
	uint32_t before;
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program_fd, .handle = OUR_HANDLE,
		    .priority = OUR_PRIORITY, .flags = BPF_TC_F_REPLACE);
	enum err old = bpf_tc_find(ifindex, hook, &before);
	if (old && old != ERR_ABSENT)
		return old;
	int result = bpf_tc_hook_create(&at);
	if (result < 0 && result != -EEXIST)
		return bpf_err(result);
	TRY(bpf_err(bpf_tc_attach(&at, &filter)));
	*ret_replaced = !old;
	return OK;
}

enum err bpf_tc_remove(uint32_t ifindex, enum bpf_hook hook)
{
	struct bpf_tc_hook at = hook_of(ifindex, hook);
	uint32_t id;
	enum err e = bpf_tc_find(ifindex, hook, &id);
	if (e)
		return e == ERR_ABSENT ? OK : e;
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = OUR_HANDLE, .priority = OUR_PRIORITY);
	int result = bpf_tc_detach(&at, &filter);
	return result == -ENOENT || result == -ENODEV ? OK : bpf_err(result);
}

/* ---- the list ---- */

struct listing {
	enum bpf_hook hook;
	uint32_t ifindex;
	struct bpf_neighbours *all; /* NULL: only ours is looked for */
	uint32_t ours;		    /* program */
};

static void read_program(struct reader options, struct bpf_neighbour *ret)
{
	struct reader attribute;
	uint16_t type;
	for (size_t i = 0;
	     i < ATTRIBUTES_MAX && netlink_attribute_next(&options, &type, &attribute); i++)
		if (type == TCA_BPF_ID) {
			ret->program_id = netlink_number(attribute);
		} else if (type == TCA_BPF_NAME) {
			size_t len = reader_left(&attribute);
			if (len > sizeof(ret->name) - 1)
				len = sizeof(ret->name) - 1;
			read_bytes(&attribute, ret->name, len);
		}
}

static void read_filter(void *arg, uint16_t type, struct reader body)
{
	struct listing *l = arg;
	struct tcmsg head;
	struct reader attribute;
	uint16_t kind;
	struct bpf_neighbour n = {.hook = l->hook, .way = BPF_WAY_CLSACT};
	if (type != RTM_NEWTFILTER)
		return;
	read_bytes(&body, &head, sizeof(head));
	for (size_t i = 0; i < ATTRIBUTES_MAX && netlink_attribute_next(&body, &kind, &attribute);
	     i++)
		if (kind == TCA_OPTIONS)
			read_program(attribute, &n);
	if (body.bad || !n.program_id || (uint32_t)head.tcm_ifindex != l->ifindex)
		return;
	if (head.tcm_handle == OUR_HANDLE && head.tcm_info >> 16 == OUR_PRIORITY)
		l->ours = n.program_id;
	if (l->all)
		l->all->add(l->all, &n);
}

static enum err list(struct listing *l)
{
	struct netlink_request q;
	uint32_t way = l->hook == BPF_HOOK_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
	const struct tcmsg body = {.tcm_family = AF_UNSPEC,
				   .tcm_ifindex = (int)l->ifindex,
				   .tcm_parent = TC_H_MAKE(TC_H_CLSACT, way)};
	netlink_request_init(&q, RTM_GETTFILTER, 0, &body, sizeof(body));
	enum err e = netlink_request_list(&q, read_filter, l);
	/* No such device, or no clsact discipline on it. */
	return e == (enum err)EINVAL || e == (enum err)ENOENT || e == (enum err)ENODEV ? OK : e;
}

enum err bpf_tc_find(uint32_t ifindex, enum bpf_hook hook, uint32_t *ret_program_id)
{
	struct listing l = {.hook = hook, .ifindex = ifindex};
	TRY(list(&l));
	if (!l.ours)
		return ERR_ABSENT;
	*ret_program_id = l.ours;
	return OK;
}

enum err bpf_tc_list(struct bpf_neighbours *all, uint32_t ifindex, enum bpf_hook hook)
{
	struct listing l = {.hook = hook, .ifindex = ifindex, .all = all};
	return list(&l);
}
