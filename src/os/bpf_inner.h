/* What the files of os/bpf*.c share. Private to this folder; knows no program. */
#ifndef OS_BPF_INNER_H
#define OS_BPF_INNER_H

#include "os/bpf.h"

struct bpf_map;
struct bpf_map_info;
struct bpf_object;

enum { BPF_TROUBLE_MAX = 4096, BPF_FRESH_MAX = 16, BPF_SECTIONS = 3 };

struct bpf_set {
	struct bpf_object *object;
	char trouble[BPF_TROUBLE_MAX]; /* the end of what libbpf complained of */
	size_t trouble_len;
	const struct bpf_map *fresh[BPF_FRESH_MAX]; /* borrowed from object */
	size_t fresh_len;
	struct bpf_memory memory[BPF_SECTIONS]; /* of the loaded variables, when asked for */
	int *programs; /* NULL, or those that were taken over, in the object's order; -1: none */
	size_t programs_n;
};

bool bpf_set_is_fresh(const struct bpf_set *set, const struct bpf_map *map);
/* Whether what is pinned can be the object's table; false: ret says what differs. */
bool bpf_map_fits(const struct bpf_map *map, const struct bpf_map_info *pinned,
		  struct bpf_misfit *ret);
/* Under its name at once, also where another one stands. */
MUST enum err bpf_pin(int fd, const char *folder, const char *name);

/* libbpf's result: negative is an errno. */
MUST enum err bpf_err(long result);
/* folder/name and suffix; ret has BPF_PATH_MAX bytes. */
MUST enum err bpf_path(const char *folder, const char *name, const char *suffix, char *ret);
/* Fills in what the kernel knows of the table behind fd. */
MUST enum err bpf_table_of(int fd, struct bpf_table *ret);

#endif
