#include "os/bpf_attach.h"

#include "os/bpf_inner.h"
#include "os/bpf_tc.h"
#include "os/fd.h"
#include "os/file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of Linux 6.6 (include/uapi/linux/bpf.h); the build machine's header may be older. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, LINK_TYPE_TCX = 11 };

static const char *const pin_names[BPF_HOOKS] = {"xdp", "in", "out"};

const char *bpf_hook_name(enum bpf_hook hook)
{
	static const char *const names[BPF_HOOKS] = {"xdp", "ingress", "egress"};
	return names[hook];
}

const char *bpf_way_name(enum bpf_way way)
{
	static const char *const names[] = {"any", "native", "generic", "tcx", "clsact"};
	return names[way];
}

static uint32_t attach_type(enum bpf_hook hook)
{
	return hook == BPF_HOOK_XDP ? BPF_XDP : hook == BPF_HOOK_INGRESS ? TCX_INGRESS : TCX_EGRESS;
}

static enum err pin_path(const char *folder, uint32_t ifindex, enum bpf_hook hook, char *ret)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "%s_%u", pin_names[hook], ifindex);
	return bpf_path(folder, name, "", ret);
}

/* ---- links ---- */

/* What the kernel says of a link of XDP or tcx; both begin with these. */
struct link_facts {
	uint32_t type, program_id, ifindex, attach_type;
};

static enum err link_facts(int fd, struct link_facts *ret)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info), place[2];
	TRY(bpf_err(bpf_obj_get_info_by_fd(fd, &info, &len)));
	memcpy(place, &info.xdp, sizeof(place)); /* tcx: ifindex, attach type */
	*ret = (struct link_facts){.type = info.type, .program_id = info.prog_id};
	if (info.type == BPF_LINK_TYPE_XDP || info.type == LINK_TYPE_TCX)
		ret->ifindex = place[0];
	ret->attach_type = info.type == LINK_TYPE_TCX ? place[1] : BPF_XDP;
	return OK;
}

static enum bpf_way xdp_way(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, seen);
	if (bpf_xdp_query((int)ifindex, 0, &seen) < 0)
		return BPF_WAY_ANY;
	return seen.attach_mode == XDP_ATTACHED_SKB ? BPF_WAY_GENERIC : BPF_WAY_NATIVE;
}

/* The link that is pinned, and still holds the device; *ret_fd -1: there is none. A pin that holds
 * nothing any more is removed. */
static enum err link_find(const char *folder, uint32_t ifindex, enum bpf_hook hook, int *ret_fd,
			  struct bpf_attachment *ret)
{
	char path[BPF_PATH_MAX];
	struct link_facts facts;
	TRY(pin_path(folder, ifindex, hook, path));
	AUTO_DONE(fd_done) int fd = bpf_obj_get(path);
	*ret_fd = -1;
	if (fd < 0)
		return fd == -ENOENT ? OK : bpf_err(fd);
	TRY(link_facts(fd, &facts));
	if (facts.ifindex != ifindex || facts.attach_type != attach_type(hook))
		return unlink(path) < 0 && errno != ENOENT ? err_errno() : OK;
	*ret = (struct bpf_attachment){.ifindex = ifindex,
				       .hook = hook,
				       .way = hook == BPF_HOOK_XDP ? xdp_way(ifindex) : BPF_WAY_TCX,
				       .program_id = facts.program_id};
	*ret_fd = fd_take(&fd);
	return OK;
}

static enum err link_remove(const char *folder, uint32_t ifindex, enum bpf_hook hook, int fd)
{
	char path[BPF_PATH_MAX];
	TRY(pin_path(folder, ifindex, hook, path));
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno();
	int result = bpf_link_detach(fd);
	return result == -ENOLINK || result == -ENODEV ? OK : bpf_err(result);
}

static enum err link_make(const char *folder, uint32_t ifindex, enum bpf_hook hook,
			  enum bpf_way way, int program_fd)
{
	char path[BPF_PATH_MAX];
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = way == BPF_WAY_NATIVE    ? XDP_FLAGS_DRV_MODE
			     : way == BPF_WAY_GENERIC ? XDP_FLAGS_SKB_MODE
						      : 0U);
	TRY(pin_path(folder, ifindex, hook, path));
	AUTO_DONE(fd_done)
	int fd = bpf_link_create(program_fd, (int)ifindex, (enum bpf_attach_type)attach_type(hook),
				 &options);
	if (fd == -EBUSY || fd == -EEXIST)
		return ERR_EXISTS;
	if (fd == -EOPNOTSUPP || (fd == -EINVAL && way == BPF_WAY_TCX))
		return ERR_UNSUPPORTED;
	if (fd < 0)
		return bpf_err(fd);
	return bpf_err(bpf_obj_pin(fd, path));
}

/* Without a pin its end is the end of this process, or of the call that made it. */
static enum err link_attach(const char *folder, enum bpf_way way, int program_fd,
			    struct bpf_attachment *a)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct bpf_attachment old;
	TRY(link_find(folder, a->ifindex, a->hook, &fd, &old));
	if (fd >= 0 && old.way == way) {
		int result = bpf_link_update(fd, program_fd, NULL);
		a->replaced = result == 0;
		return bpf_err(result);
	}
	/* A device runs XDP one way or the other. */
	if (fd >= 0) {
		TRY(link_remove(folder, a->ifindex, a->hook, fd));
		a->replaced = true;
	}
	return link_make(folder, a->ifindex, a->hook, way, program_fd);
}

/* ---- either ---- */

static enum err attach_one(const char *folder, enum bpf_way way, int program_fd,
			   struct bpf_attachment *a)
{
	a->way = way;
	if (way == BPF_WAY_CLSACT)
		return bpf_tc_put(a->ifindex, a->hook, program_fd, &a->replaced);
	return link_attach(folder, way, program_fd, a);
}

/* A tc program of ours that is there by the other way. */
static enum err remove_other(const char *folder, const struct bpf_attachment *a)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct bpf_attachment old;
	if (a->hook == BPF_HOOK_XDP)
		return OK;
	if (a->way == BPF_WAY_TCX)
		return bpf_tc_remove(a->ifindex, a->hook);
	TRY(link_find(folder, a->ifindex, a->hook, &fd, &old));
	return fd < 0 ? OK : link_remove(folder, a->ifindex, a->hook, fd);
}

enum err bpf_attach(const char *folder, uint32_t ifindex, enum bpf_hook hook, enum bpf_way way,
		    int program_fd, struct bpf_attachment *ret)
{
	struct bpf_attachment a = {.ifindex = ifindex, .hook = hook};
	bool xdp = hook == BPF_HOOK_XDP;
	bool is_xdp_way = way == BPF_WAY_NATIVE || way == BPF_WAY_GENERIC;
	if (way != BPF_WAY_ANY && is_xdp_way != xdp)
		return (enum err)EINVAL;
	enum bpf_way first = way != BPF_WAY_ANY ? way : xdp ? BPF_WAY_NATIVE : BPF_WAY_TCX;
	enum err e = attach_one(folder, first, program_fd, &a);
	if (e == ERR_UNSUPPORTED && way == BPF_WAY_ANY)
		e = attach_one(folder, xdp ? BPF_WAY_GENERIC : BPF_WAY_CLSACT, program_fd, &a);
	TRY(e);
	TRY(remove_other(folder, &a));
	TRY(bpf_program_id(program_fd, &a.program_id));
	*ret = a;
	return OK;
}

enum err bpf_detach(const char *folder, uint32_t ifindex, enum bpf_hook hook)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct bpf_attachment old;
	TRY(link_find(folder, ifindex, hook, &fd, &old));
	if (fd >= 0)
		TRY(link_remove(folder, ifindex, hook, fd));
	return hook == BPF_HOOK_XDP ? OK : bpf_tc_remove(ifindex, hook);
}

enum err bpf_attached(const char *folder, uint32_t ifindex, enum bpf_hook hook,
		      struct bpf_attachment *ret)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct bpf_attachment a = {.ifindex = ifindex, .hook = hook, .way = BPF_WAY_CLSACT};
	TRY(link_find(folder, ifindex, hook, &fd, &a));
	if (fd < 0 && hook == BPF_HOOK_XDP)
		return ERR_ABSENT;
	if (fd < 0)
		TRY(bpf_tc_find(ifindex, hook, &a.program_id));
	*ret = a;
	return OK;
}

/* ---- all of them ---- */

struct pins {
	const char *folder;
	void (*call)(void *arg, const struct bpf_attachment *a);
	void *arg;
};

static bool pin_read(const char *name, struct bpf_attachment *ret)
{
	char kind[8] = "";
	unsigned ifindex = 0;
	int end = 0;
	if (sscanf(name, "%7[a-z]_%u%n", kind, &ifindex, &end) != 2 || name[end] || ifindex == 0)
		return false;
	for (enum bpf_hook hook = 0; hook < BPF_HOOKS; hook++)
		if (strcmp(kind, pin_names[hook]) == 0) {
			*ret = (struct bpf_attachment){.ifindex = ifindex, .hook = hook};
			return true;
		}
	return false;
}

static enum err pin_tell(void *arg, const char *name)
{
	const struct pins *pins = arg;
	struct bpf_attachment named, found = {0};
	AUTO_DONE(fd_done) int fd = -1;
	if (!pin_read(name, &named))
		return OK;
	TRY(link_find(pins->folder, named.ifindex, named.hook, &fd, &found));
	if (fd < 0)
		found = (struct bpf_attachment){.hook = named.hook};
	pins->call(pins->arg, &found);
	return OK;
}

enum err bpf_attached_pins(const char *folder,
			   void (*call)(void *arg, const struct bpf_attachment *a), void *arg)
{
	struct pins pins = {folder, call, arg};
	return dir_list(folder, pin_tell, &pins);
}

/* ---- neighbours ---- */

/* Only for who may open other people's programs. */
static void name_program(struct bpf_neighbour *n)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	AUTO_DONE(fd_done) int fd = bpf_prog_get_fd_by_id(n->program_id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		(void)snprintf(n->name, sizeof(n->name), "%s", info.name);
}

static void add(struct bpf_neighbours *all, const struct bpf_neighbour *n)
{
	if (all->n < all->list_max) {
		all->list[all->n] = *n;
		if (!n->name[0])
			name_program(&all->list[all->n]);
	}
	all->n++;
}

static void add_xdp(struct bpf_neighbours *all, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, seen);
	if (bpf_xdp_query((int)ifindex, 0, &seen) < 0)
		return;
	const struct {
		uint32_t id;
		enum bpf_way way;
	} modes[] = {{seen.drv_prog_id, BPF_WAY_NATIVE}, {seen.skb_prog_id, BPF_WAY_GENERIC}};
	for (size_t i = 0; i < 2; i++)
		if (modes[i].id)
			add(all, &(struct bpf_neighbour){.hook = BPF_HOOK_XDP,
							 .way = modes[i].way,
							 .program_id = modes[i].id});
}

static void add_tcx(struct bpf_neighbours *all, uint32_t ifindex, enum bpf_hook hook)
{
	enum { TCX_MAX = 64 }; /* the kernel's bound */
	uint32_t ids[TCX_MAX] = {0};
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_cnt = TCX_MAX);
	if (bpf_prog_query_opts((int)ifindex, (enum bpf_attach_type)attach_type(hook), &query) < 0)
		return;
	for (uint32_t i = 0; i < query.prog_cnt && i < TCX_MAX; i++)
		add(all, &(struct bpf_neighbour){
				 .hook = hook, .way = BPF_WAY_TCX, .program_id = ids[i]});
}

enum err bpf_attached_all(const char *folder, uint32_t ifindex, struct bpf_neighbour *list,
			  size_t list_max, size_t *ret_n)
{
	struct bpf_neighbours all = {.list = list, .list_max = list_max, .add = add};
	add_xdp(&all, ifindex);
	for (enum bpf_hook hook = BPF_HOOK_INGRESS; hook < BPF_HOOKS; hook++) {
		add_tcx(&all, ifindex, hook);
		TRY(bpf_tc_list(&all, ifindex, hook));
	}
	for (enum bpf_hook hook = 0; hook < BPF_HOOKS; hook++) {
		struct bpf_attachment ours;
		enum err e = bpf_attached(folder, ifindex, hook, &ours);
		if (e && e != ERR_ABSENT)
			return e;
		for (size_t i = 0; !e && i < all.n && i < list_max; i++)
			list[i].ours |= list[i].hook == hook && list[i].way == ours.way &&
					list[i].program_id == ours.program_id;
	}
	*ret_n = all.n;
	return OK;
}
