/* Programs that a process before us has pinned, taken over in place of a load. */
#include "os/bpf.h"
#include "os/bpf_inner.h"
#include "os/fd.h"
#include "os/file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USED_MAX = 64, FDINFO_MAX = 4096 };

struct table {
	struct bpf_map *map;
	int fd;
	uint32_t id;
	bool constant; /* .rodata */
};

struct adoption {
	struct bpf_set *set; /* borrowed */
	const char *folder, *why;
	struct table *tables;
	size_t tables_n;
	int *programs; /* as in bpf_set; -1: left out */
	size_t programs_n;
};

/* ---- names ---- */

/* Names there have no dots: the kernel refuses them. */
static void pin_name(const struct bpf_map *map, char ret[BPF_PATH_MAX])
{
	const char *name = bpf_map__name(map), *dot = strrchr(name, '.');
	bool section = bpf_map__is_internal(map) && dot;
	(void)snprintf(ret, BPF_PATH_MAX, "%s%s", section ? "section_" : "",
		       section ? dot + 1 : name);
}

/* The kernel keeps the beginning of a name. */
static bool is_named(const char *kept, const char *name)
{
	return strncmp(kept, name, BPF_OBJ_NAME_LEN - 1) == 0;
}

static bool is_constant(const struct bpf_map *map)
{
	const char *dot = strrchr(bpf_map__name(map), '.');
	return bpf_map__is_internal(map) && dot && strcmp(dot, ".rodata") == 0;
}

/* ---- judging what is pinned ---- */

static enum err refuse(struct adoption *a, const char *why)
{
	a->why = why;
	return ERR_ABSENT;
}

static int open_pin(const char *folder, const char *name)
{
	char path[BPF_PATH_MAX];
	if (bpf_path(folder, name, "", path))
		return -1;
	int fd = bpf_obj_get(path);
	return fd < 0 ? -1 : fd;
}

/* Only who may load programs may freeze a table; what is in it is what he has put there. */
static bool is_frozen(int fd)
{
	char path[64], *text = NULL;
	size_t len;
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (file_read(path, FDINFO_MAX, &text, &len))
		return false;
	bool frozen = strstr(text, "\nfrozen:\t1\n") != NULL;
	free(text);
	return frozen;
}

static bool has_our_constants(struct bpf_map *map, int fd)
{
	const uint32_t zero = 0;
	size_t size = 0;
	const void *ours = bpf_map__initial_value(map, &size);
	uint8_t *theirs = calloc(1, size + 1);
	bool same = ours && theirs && size == bpf_map__value_size(map) &&
		    bpf_map_lookup_elem(fd, &zero, theirs) == 0 && memcmp(ours, theirs, size) == 0;
	free(theirs);
	return same;
}

static enum err judge_table(struct adoption *a, struct bpf_map *map)
{
	struct table *t = &a->tables[a->tables_n];
	struct bpf_map_info info = {0};
	struct bpf_misfit misfit;
	char name[BPF_PATH_MAX];
	uint32_t len = sizeof(info);
	pin_name(map, name);
	*t = (struct table){.map = map, .fd = open_pin(a->folder, name)};
	if (t->fd < 0)
		return refuse(a, "a table is not pinned");
	a->tables_n++;
	if (bpf_obj_get_info_by_fd(t->fd, &info, &len) < 0 ||
	    !is_named(info.name, bpf_map__name(map)) || !bpf_map_fits(map, &info, &misfit))
		return refuse(a, "a table is another one");
	t->id = info.id;
	t->constant = is_constant(map);
	if (t->constant && !has_our_constants(map, t->fd))
		return refuse(a, "they are of another build");
	if ((t->constant || bpf_set_is_fresh(a->set, map)) && !is_frozen(t->fd))
		return refuse(a, "a table could have been written by hand");
	return OK;
}

/* What a program uses is what is pinned, and our constants belong to it. */
static bool uses_ours(const struct adoption *a, const uint32_t *used, uint32_t used_n)
{
	bool constant = false;
	for (uint32_t i = 0; i < used_n; i++) {
		const struct table *found = NULL;
		for (size_t k = 0; k < a->tables_n && !found; k++)
			found = a->tables[k].id == used[i] ? &a->tables[k] : NULL;
		if (!found)
			return false;
		constant |= found->constant;
	}
	return constant;
}

static enum err judge_program(struct adoption *a, const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	uint32_t used[USED_MAX];
	struct bpf_prog_info info = {.map_ids = (uintptr_t)used, .nr_map_ids = USED_MAX};
	uint32_t len = sizeof(info);
	int *fd = &a->programs[a->programs_n++];
	*fd = -1;
	if (!bpf_program__autoload(program))
		return OK;
	*fd = open_pin(a->folder, name);
	if (*fd < 0)
		return refuse(a, "a program is not pinned");
	if (bpf_obj_get_info_by_fd(*fd, &info, &len) < 0 || !is_named(info.name, name) ||
	    info.type != (uint32_t)bpf_program__type(program))
		return refuse(a, "a program is another one");
	if (info.nr_map_ids > USED_MAX || !uses_ours(a, used, info.nr_map_ids))
		return refuse(a, "a program belongs to other tables");
	return OK;
}

static enum err judge(struct adoption *a)
{
	struct bpf_object *object = a->set->object;
	struct bpf_map *map;
	struct bpf_program *program;
	size_t tables = 0, programs = 0;
	bpf_object__for_each_map(map, object) tables++;
	bpf_object__for_each_program(program, object) programs++;
	a->tables = calloc(tables + 1, sizeof(*a->tables));
	a->programs = calloc(programs + 1, sizeof(*a->programs));
	if (!a->tables || !a->programs)
		return (enum err)ENOMEM;
	bpf_object__for_each_map(map, object) TRY(judge_table(a, map));
	bpf_object__for_each_program(program, object) TRY(judge_program(a, program));
	return OK;
}

static enum err take(struct adoption *a)
{
	for (size_t i = 0; i < a->tables_n; i++)
		TRY(bpf_err(bpf_map__reuse_fd(a->tables[i].map, a->tables[i].fd)));
	a->set->programs = TAKE(a->programs);
	a->set->programs_n = a->programs_n;
	return OK;
}

static void adoption_done(struct adoption *a)
{
	for (size_t i = 0; a->tables && i < a->tables_n; i++)
		fd_done(&a->tables[i].fd);
	for (size_t i = 0; a->programs && i < a->programs_n; i++)
		fd_done(&a->programs[i]);
	free(a->tables);
	free(a->programs);
}

enum err bpf_set_adopt(struct bpf_set *set, const char *folder, const char **ret_why)
{
	struct adoption a = {.set = set, .folder = folder, .why = "the kernel refuses"};
	enum err e = judge(&a);
	if (!e)
		e = take(&a);
	if (e)
		*ret_why = a.why;
	adoption_done(&a);
	return e;
}

/* ---- for the process after us ---- */

struct leaving {
	const struct bpf_set *set;
	const char *folder;
};

static bool is_of_set(const struct bpf_set *set, const char *name)
{
	const struct bpf_map *map;
	char pinned[BPF_PATH_MAX];
	bpf_object__for_each_map(map, set->object)
	{
		pin_name(map, pinned);
		if (strcmp(name, pinned) == 0)
			return true;
	}
	return bpf_object__find_program_by_name(set->object, name) != NULL;
}

/* Pins have no dots, which is how the kernel marks its own; and a folder is no pin. */
static enum err remove_stranger(void *arg, const char *name)
{
	const struct leaving *l = arg;
	if (strchr(name, '.') || is_of_set(l->set, name))
		return OK;
	enum err e = bpf_unpin(l->folder, name);
	return e == (enum err)EISDIR ? OK : e;
}

enum err bpf_set_leave(const struct bpf_set *set, const char *folder)
{
	struct leaving leaving = {.set = set, .folder = folder};
	const struct bpf_map *map;
	struct bpf_program *program;
	char name[BPF_PATH_MAX];
	bpf_object__for_each_map(map, set->object)
	{
		pin_name(map, name);
		if (bpf_map__is_internal(map) && bpf_map__fd(map) >= 0)
			TRY(bpf_pin(bpf_map__fd(map), folder, name));
	}
	bpf_object__for_each_program(program, set->object)
	{
		int fd = bpf_program__fd(program);
		if (fd >= 0)
			TRY(bpf_pin(fd, folder, bpf_program__name(program)));
	}
	return dir_list(folder, remove_stranger, &leaving);
}
