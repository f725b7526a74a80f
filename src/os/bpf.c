#include "os/bpf.h"

#include "os/bpf_inner.h"
#include "os/fd.h"
#include "os/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- libbpf's voice ---- */

/* Whose complaints libbpf's are: it has no argument for its callback. */
static _Thread_local struct bpf_set *complaining;

/* Keeps the end: a verifier says last why it refuses. */
static void trouble_add(struct bpf_set *set, const char *text)
{
	size_t len = strlen(text), room = sizeof(set->trouble) - 1;
	if (len > room) {
		text += len - room;
		len = room;
	}
	size_t keep = set->trouble_len + len > room ? room - len : set->trouble_len;
	memmove(set->trouble, set->trouble + set->trouble_len - keep, keep);
	memcpy(set->trouble + keep, text, len);
	set->trouble_len = keep + len;
	set->trouble[set->trouble_len] = '\0';
}

static void log_lines(const char *text)
{
	/* The log keeps the beginning of a long line, and of a verifier's the end counts. */
	enum { LINES_MAX = 40 };
	size_t lines = 0;
	const char *at = text + strlen(text);
	while (at > text && lines <= LINES_MAX)
		lines += *--at == '\n';
	while (*at) {
		size_t len = strcspn(at, "\n");
		if (len)
			log_debug("libbpf", LOG_SPAN("says", span_of(at, len)));
		at += len + (at[len] == '\n');
	}
}

static int hear(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text = NULL;
	if (level == LIBBPF_DEBUG && log_get_level() < LOG_LEVEL_DEBUG)
		return 0;
	if (vasprintf(&text, format, arguments) < 0)
		return 0;
	if (level == LIBBPF_WARN && complaining)
		trouble_add(complaining, text);
	log_lines(text);
	free(text);
	return 0;
}

enum err bpf_err(long result)
{
	return result < 0 ? result < -1000 ? (enum err)EIO : (enum err) - result : OK;
}

const char *bpf_set_trouble(const struct bpf_set *set)
{
	return set->trouble;
}

enum err bpf_path(const char *folder, const char *name, const char *suffix, char *ret)
{
	int n = snprintf(ret, BPF_PATH_MAX, "%s/%s%s", folder, name, suffix);
	return n < 0 || n >= BPF_PATH_MAX ? (enum err)ENAMETOOLONG : OK;
}

enum err bpf_may_load(void)
{
	/* r0 = XDP_PASS; exit */
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT}};
	(void)libbpf_set_print(hear);
	AUTO_DONE(fd_done)
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "gatehouse_may", "GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);
	return fd < 0 ? bpf_err(fd) : OK;
}

enum err bpf_may_loop(void)
{
	int has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL);
	return has < 0 ? bpf_err(has) : has ? OK : ERR_UNSUPPORTED;
}

/* ---- opening ---- */

enum err bpf_set_open(struct span object, const char *name, struct bpf_set **ret)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
	(void)libbpf_set_print(hear);
	AUTO(bpf_set_free) struct bpf_set *set = calloc(1, sizeof(*set));
	if (!set)
		return (enum err)ENOMEM;
	complaining = set;
	set->object = bpf_object__open_mem(object.data, object.len, &options);
	complaining = NULL;
	if (!set->object)
		return errno == ENOMEM ? (enum err)ENOMEM : ERR_FORMAT;
	/* libbpf asks the system once for the number of CPUs; later a sandbox may hide it. */
	if (libbpf_num_possible_cpus() < 1)
		return (enum err)EIO;
	*ret = TAKE(set);
	return OK;
}

void bpf_set_free(struct bpf_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < BPF_SECTIONS; i++)
		bpf_memory_done(&set->memory[i]);
	for (size_t i = 0; i < set->programs_n; i++)
		fd_done(&set->programs[i]);
	free(set->programs);
	bpf_object__close(set->object);
	free(set);
}

static struct bpf_map *find_map(const struct bpf_set *set, const char *name)
{
	return bpf_object__find_map_by_name(set->object, name);
}

static struct bpf_program *find_program(const struct bpf_set *set, const char *name)
{
	return bpf_object__find_program_by_name(set->object, name);
}

enum err bpf_set_entries(struct bpf_set *set, const char *table, uint32_t entries_max)
{
	struct bpf_map *map = find_map(set, table);
	return map ? bpf_err(bpf_map__set_max_entries(map, entries_max)) : ERR_ABSENT;
}

enum err bpf_set_without(struct bpf_set *set, const char *program)
{
	struct bpf_program *found = find_program(set, program);
	return found ? bpf_err(bpf_program__set_autoload(found, false)) : ERR_ABSENT;
}

enum err bpf_set_fresh(struct bpf_set *set, const char *table)
{
	const struct bpf_map *map = find_map(set, table);
	if (!map)
		return ERR_ABSENT;
	if (set->fresh_len == BPF_FRESH_MAX)
		return ERR_LIMIT;
	set->fresh[set->fresh_len++] = map;
	return OK;
}

bool bpf_set_is_fresh(const struct bpf_set *set, const struct bpf_map *map)
{
	for (size_t i = 0; i < set->fresh_len; i++)
		if (set->fresh[i] == map)
			return true;
	return false;
}

/* ---- variables ---- */

static const char *const sections[BPF_SECTIONS] = {".rodata", ".data", ".bss"};

struct place {
	size_t section; /* of sections */
	uint32_t offset, len;
};

/* Where the compiler put a variable, by the object's BTF. */
static bool find_in_section(const struct bpf_set *set, size_t section, const char *name,
			    struct place *ret)
{
	const struct btf *btf = bpf_object__btf(set->object);
	int id = btf ? btf__find_by_name_kind(btf, sections[section], BTF_KIND_DATASEC) : -1;
	if (id < 0)
		return false;
	const struct btf_type *type = btf__type_by_id(btf, (uint32_t)id);
	const struct btf_var_secinfo *info = btf_var_secinfos(type);
	for (size_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *variable = btf__type_by_id(btf, info[i].type);
		if (strcmp(btf__name_by_offset(btf, variable->name_off), name) != 0)
			continue;
		*ret = (struct place){section, info[i].offset, info[i].size};
		return true;
	}
	return false;
}

static enum err find_variable(const struct bpf_set *set, const char *name, size_t len,
			      struct place *ret)
{
	struct place place;
	for (size_t i = 0; i < BPF_SECTIONS; i++) {
		if (!find_in_section(set, i, name, &place))
			continue;
		if (place.len != len)
			return (enum err)EINVAL;
		*ret = place;
		return OK;
	}
	return ERR_ABSENT;
}

static enum err place_in(uint8_t *memory, size_t size, const struct place *place, uint8_t **ret)
{
	if (!memory || place->offset > size || size - place->offset < place->len)
		return ERR_FORMAT;
	*ret = memory + place->offset;
	return OK;
}

enum err bpf_set_constant(struct bpf_set *set, const char *variable, const void *value, size_t len)
{
	struct place place;
	uint8_t *at;
	size_t size = 0;
	TRY(find_variable(set, variable, len, &place));
	struct bpf_map *map = find_map(set, sections[place.section]);
	if (!map || bpf_map__fd(map) >= 0)
		return (enum err)EBUSY; /* loaded: too late */
	/* What libbpf hands the kernel when it loads; declared const for what comes after. */
	uint8_t *memory = (uint8_t *)(uintptr_t)bpf_map__initial_value(map, &size);
	TRY(place_in(memory, size, &place, &at));
	memcpy(at, value, len);
	return OK;
}

enum err bpf_set_variable(struct bpf_set *set, const char *variable, size_t len, void **ret)
{
	struct place place;
	struct bpf_table table;
	uint8_t *at;
	TRY(find_variable(set, variable, len, &place));
	struct bpf_memory *memory = &set->memory[place.section];
	if (!memory->base) {
		TRY(bpf_set_table(set, sections[place.section], &table));
		TRY(bpf_table_map(&table, strcmp(sections[place.section], ".rodata") != 0, memory));
	}
	TRY(place_in(memory->base, memory->len, &place, &at));
	*ret = at;
	return OK;
}

/* ---- taking over what is pinned ---- */

static uint32_t flags_to_compare(uint32_t type, uint32_t flags)
{
	/* The kernel adds this one to device tables by itself. */
	bool device = type == BPF_MAP_TYPE_DEVMAP || type == BPF_MAP_TYPE_DEVMAP_HASH;
	return device ? flags & ~(uint32_t)BPF_F_RDONLY_PROG : flags;
}

bool bpf_map_fits(const struct bpf_map *map, const struct bpf_map_info *pinned,
		  struct bpf_misfit *ret)
{
	uint32_t type = bpf_map__type(map);
	const struct {
		const char *what;
		uint32_t pinned, wanted;
	} sides[] = {{"type", pinned->type, type},
		     {"key size", pinned->key_size, bpf_map__key_size(map)},
		     {"value size", pinned->value_size, bpf_map__value_size(map)},
		     {"entries", pinned->max_entries, bpf_map__max_entries(map)},
		     {"flags", flags_to_compare(type, pinned->map_flags),
		      flags_to_compare(type, bpf_map__map_flags(map))}};
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		if (sides[i].pinned == sides[i].wanted)
			continue;
		*ret = (struct bpf_misfit){.what = sides[i].what,
					   .pinned = sides[i].pinned,
					   .wanted = sides[i].wanted};
		(void)snprintf(ret->table, sizeof(ret->table), "%s", bpf_map__name(map));
		return false;
	}
	return true;
}

/* fd -1: nothing is pinned under its name. */
static enum err open_pinned(const struct bpf_map *map, const char *folder, int *ret_fd)
{
	char path[BPF_PATH_MAX];
	TRY(bpf_path(folder, bpf_map__name(map), "", path));
	int fd = bpf_obj_get(path);
	if (fd < 0 && fd != -ENOENT)
		return bpf_err(fd);
	*ret_fd = fd < 0 ? -1 : fd;
	return OK;
}

/* take false: only looks whether it could. */
static enum err reuse_one(struct bpf_map *map, const char *folder, bool take,
			  struct bpf_misfit *ret_misfit, size_t *count)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	TRY(open_pinned(map, folder, &fd));
	if (fd < 0)
		return OK;
	TRY(bpf_err(bpf_obj_get_info_by_fd(fd, &info, &len)));
	if (!bpf_map_fits(map, &info, ret_misfit))
		return ERR_EXISTS;
	if (!take)
		return OK;
	TRY(bpf_err(bpf_map__reuse_fd(map, fd)));
	++*count;
	return OK;
}

static bool is_kept(const struct bpf_set *set, const struct bpf_map *map)
{
	return !bpf_map__is_internal(map) && !bpf_set_is_fresh(set, map);
}

enum err bpf_set_reuse(struct bpf_set *set, const char *folder, struct bpf_misfit *ret_misfit,
		       size_t *ret_reused)
{
	struct bpf_map *map;
	size_t reused = 0;
	for (int take = 0; take < 2; take++)
		bpf_object__for_each_map(map, set->object) if (is_kept(set, map))
			TRY(reuse_one(map, folder, take, ret_misfit, &reused));
	*ret_reused = reused;
	return OK;
}

enum err bpf_set_load(struct bpf_set *set)
{
	set->trouble_len = 0;
	set->trouble[0] = '\0';
	complaining = set;
	int result = bpf_object__load(set->object);
	complaining = NULL;
	return bpf_err(result);
}

/* ---- pinning ---- */

enum err bpf_pin(int fd, const char *folder, const char *name)
{
	char path[BPF_PATH_MAX], next[BPF_PATH_MAX];
	TRY(bpf_path(folder, name, "", path));
	TRY(bpf_path(folder, name, "_next", next));
	if (unlink(next) < 0 && errno != ENOENT)
		return err_errno();
	TRY(bpf_err(bpf_obj_pin(fd, next)));
	return rename(next, path) < 0 ? err_errno() : OK;
}

enum err bpf_set_pin(struct bpf_set *set, const char *folder)
{
	const struct bpf_map *map;
	char next[BPF_PATH_MAX];
	bpf_object__for_each_map(map, set->object)
	{
		AUTO_DONE(fd_done) int there = -1;
		if (bpf_map__is_internal(map) || bpf_map__fd(map) < 0)
			continue;
		if (bpf_set_is_fresh(set, map)) {
			TRY(bpf_path(folder, bpf_map__name(map), "_next", next));
			if (unlink(next) < 0 && errno != ENOENT)
				return err_errno();
			TRY(bpf_err(bpf_obj_pin(bpf_map__fd(map), next)));
			continue;
		}
		TRY(open_pinned(map, folder, &there));
		if (there < 0)
			TRY(bpf_pin(bpf_map__fd(map), folder, bpf_map__name(map)));
	}
	return OK;
}

enum err bpf_set_settle(struct bpf_set *set, const char *folder)
{
	char path[BPF_PATH_MAX], next[BPF_PATH_MAX];
	for (size_t i = 0; i < set->fresh_len; i++) {
		TRY(bpf_path(folder, bpf_map__name(set->fresh[i]), "", path));
		TRY(bpf_path(folder, bpf_map__name(set->fresh[i]), "_next", next));
		if (rename(next, path) < 0)
			return err_errno();
	}
	return OK;
}

enum err bpf_set_pin_program(struct bpf_set *set, const char *folder, const char *program)
{
	int fd;
	TRY(bpf_set_program(set, program, &fd));
	return bpf_pin(fd, folder, program);
}

enum err bpf_set_freeze(struct bpf_set *set, const char *table)
{
	const struct bpf_map *map = find_map(set, table);
	return map ? bpf_err(bpf_map_freeze(bpf_map__fd(map))) : ERR_ABSENT;
}

enum err bpf_unpin(const char *folder, const char *name)
{
	char path[BPF_PATH_MAX];
	TRY(bpf_path(folder, name, "", path));
	return unlink(path) < 0 && errno != ENOENT ? err_errno() : OK;
}

/* ---- what is in it ---- */

/* -1: it was not taken over. */
static int adopted_fd(const struct bpf_set *set, const struct bpf_program *program)
{
	struct bpf_program *at;
	size_t i = 0;
	bpf_object__for_each_program(at, set->object)
	{
		if (i < set->programs_n && at == program)
			return set->programs[i];
		i++;
	}
	return -1;
}

enum err bpf_set_program(const struct bpf_set *set, const char *program, int *ret_fd)
{
	const struct bpf_program *found = find_program(set, program);
	int fd = !found ? -1 : set->programs ? adopted_fd(set, found) : bpf_program__fd(found);
	if (fd < 0)
		return ERR_ABSENT;
	*ret_fd = fd;
	return OK;
}

enum err bpf_set_table(const struct bpf_set *set, const char *table, struct bpf_table *ret)
{
	const struct bpf_map *map = find_map(set, table);
	int fd = map ? bpf_map__fd(map) : -1;
	return fd < 0 ? ERR_ABSENT : bpf_table_of(fd, ret);
}
