/* The data plane from user space: its programs and tables, made or taken over from the process
 * before, and its tables as memory. Knows nothing of a configuration; what goes into the tables is
 * io_apply.c's. */
#ifndef NAT_IO_PLANE_H
#define NAT_IO_PLANE_H

#include "os/bpf.h"
#include "service/nat/bpf/shared.h"

/* Tables that are arrays, as memory. */
enum nat_array {
	NAT_ARRAY_SETTINGS,
	NAT_ARRAY_DEVICES,
	NAT_ARRAY_PUBLICS,
	NAT_ARRAY_FLOWS4,
	NAT_ARRAY_MAPPINGS4,
	NAT_ARRAY_POOLS,
	NAT_ARRAY_PORTS,
	NAT_ARRAY_FORWARDS4,
	NAT_ARRAY_RULES,
	NAT_ARRAY_RATES,
	NAT_ARRAY_FILTERS4,
	NAT_ARRAY_FLOWS6,
	NAT_ARRAY_LEGS4, /* pairs of them */
	NAT_ARRAYS,
};

struct nat_plane {
	struct bpf_set *set;	   /* NULL: there is no data plane here */
	char links[BPF_PATH_MAX];  /* folder of what is attached; it outlives layouts */
	char tables[BPF_PATH_MAX]; /* folder of this layout's tables */
	struct bpf_memory memory[NAT_ARRAYS];
	struct bpf_table array[NAT_ARRAYS];
	struct bpf_table sources4, locals4, hosts, counters, xdp_ports;
	int xdp_fd, in_fd, out_fd; /* programs; the set's */
	struct bpf_ring *ring;
	uint32_t flows_max, publics_max; /* as the tables are now */
	bool taken_over;		 /* from the process before: flows are in them */
	bool reused;			 /* the programs too: nothing was loaded */
	uint64_t bytes;			 /* of the tables that grow with flows */
};

struct nat_plane_size {
	uint32_t flows, flows6, publics; /* flows6: of IPv6; half as many mappings of NAT64 */
};

/* Where its pins are: for taking off what a process before has attached, without a plane. folder:
 * NULL: there is none. */
void nat_plane_name(struct nat_plane *p, const char *folder);
/* Storage is zeroed. folder: of BPF pins. Errors are logged. taken over tables keep their size. */
MUST enum err nat_plane_open(struct nat_plane *p, const char *folder,
			     const struct nat_plane_size *size);
/* The programs before us are gone: what only they had is not needed any more. The sweep is ours. */
MUST enum err nat_plane_settle(struct nat_plane *p);
void nat_plane_done(struct nat_plane *p);

/* Unpins all tables of the layout. They go when the last program that uses them goes. */
MUST enum err nat_plane_unpin(const struct nat_plane *p);

/* The value at index; index < entries. */
static inline void *nat_plane_at(const struct nat_plane *p, enum nat_array array, uint32_t index)
{
	return (uint8_t *)p->memory[array].base + (size_t)index * p->array[array].value_room;
}

static inline struct nat_settings *nat_plane_settings(const struct nat_plane *p)
{
	return nat_plane_at(p, NAT_ARRAY_SETTINGS, 0);
}

/* Sums of all processors. */
MUST enum err nat_plane_counts(const struct nat_plane *p, uint64_t ret[NAT_C_N]);

#endif
