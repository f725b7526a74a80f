/* Programs as filters of a device's clsact discipline, for kernels without tcx. Private to this
 * folder; ours is the filter with our handle and priority. */
#ifndef OS_BPF_TC_H
#define OS_BPF_TC_H

#include "os/bpf_attach.h"

/* Makes the discipline when it is not there; replaces ours at once. */
MUST enum err bpf_tc_put(uint32_t ifindex, enum bpf_hook hook, int program_fd, bool *ret_replaced);
/* The discipline stays: others may use it. OK when ours is not there. */
MUST enum err bpf_tc_remove(uint32_t ifindex, enum bpf_hook hook);
/* ERR_ABSENT: ours is not there. */
MUST enum err bpf_tc_find(uint32_t ifindex, enum bpf_hook hook, uint32_t *ret_program_id);

struct bpf_neighbours {
	struct bpf_neighbour *list;
	size_t list_max, n;
	void (*add)(struct bpf_neighbours *all, const struct bpf_neighbour *n);
};
/* Everybody's filters that are programs. */
MUST enum err bpf_tc_list(struct bpf_neighbours *all, uint32_t ifindex, enum bpf_hook hook);

#endif
