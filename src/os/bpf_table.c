#include "os/bpf.h"

#include "os/bpf_inner.h"
#include "os/fd.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

enum err bpf_table_of(int fd, struct bpf_table *ret)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	TRY(bpf_err(bpf_obj_get_info_by_fd(fd, &info, &len)));
	int cpus = is_per_cpu(info.type) ? libbpf_num_possible_cpus() : 1;
	if (cpus < 1)
		return (enum err)EIO;
	*ret = (struct bpf_table){.fd = fd,
				  .type = info.type,
				  .key_size = info.key_size,
				  .value_size = info.value_size,
				  .entries_max = info.max_entries,
				  .flags = info.map_flags,
				  .cpus = (uint32_t)cpus};
	ret->value_room =
		is_per_cpu(info.type) ? padded(info.value_size) * (size_t)cpus : info.value_size;
	return OK;
}

enum err bpf_table_open(const char *folder, const char *name, struct bpf_table *ret)
{
	char path[BPF_PATH_MAX];
	TRY(bpf_path(folder, name, "", path));
	int fd = bpf_obj_get(path);
	if (fd < 0)
		return bpf_err(fd);
	enum err e = bpf_table_of(fd, ret);
	if (e)
		fd_done(&fd);
	return e;
}

void bpf_table_done(struct bpf_table *table)
{
	if (table && table->cpus) /* zeros are none */
		fd_done(&table->fd);
}

/* The errors that every table has, as ours. */
static enum err table_err(long result)
{
	switch (result) {
	case -ENOENT: return ERR_ABSENT;
	case -EEXIST: return ERR_EXISTS;
	case -E2BIG:
	case -ENOSPC: return ERR_LIMIT;
	default: return bpf_err(result);
	}
}

enum err bpf_table_get(const struct bpf_table *table, const void *key, void *ret_value)
{
	return table_err(bpf_map_lookup_elem(table->fd, key, ret_value));
}

enum err bpf_table_remove(const struct bpf_table *table, const void *key)
{
	return table_err(bpf_map_delete_elem(table->fd, key));
}

enum err bpf_table_put(const struct bpf_table *table, const void *key, const void *value,
		       enum bpf_put how)
{
	static const uint64_t flags[] = {
		[BPF_PUT] = BPF_ANY, [BPF_PUT_NEW] = BPF_NOEXIST, [BPF_PUT_OLD] = BPF_EXIST};
	return table_err(bpf_map_update_elem(table->fd, key, value, flags[how]));
}

enum err bpf_table_put_program(const struct bpf_table *table, uint32_t key, int program_fd)
{
	return bpf_table_put(table, &key, &program_fd, BPF_PUT);
}

enum err bpf_table_next(const struct bpf_table *table, const void *key, void *ret_key)
{
	return table_err(bpf_map_get_next_key(table->fd, key, ret_key));
}

/* ---- many at once ---- */

enum err bpf_table_read(const struct bpf_table *table, struct bpf_cursor *cursor, void *keys,
			void *values, uint32_t *n)
{
	/* The kernel's mark is a key, or the number of a bucket. */
	uint8_t after[BPF_CURSOR_MAX] = {0};
	uint32_t count = *n;
	ASSERT(table->key_size <= sizeof(after));
	if (cursor->ended) {
		*n = 0;
		return OK;
	}
	int result = bpf_map_lookup_batch(table->fd, cursor->begun ? cursor->at : NULL, after, keys,
					  values, &count, NULL);
	if (result == -ENOSPC)
		return ERR_LIMIT;
	if (result < 0 && result != -ENOENT)
		return bpf_err(result);
	cursor->begun = true;
	cursor->ended = result == -ENOENT;
	memcpy(cursor->at, after, sizeof(after));
	*n = count;
	return OK;
}

enum err bpf_table_remove_many(const struct bpf_table *table, const void *keys, uint32_t n,
			       uint32_t *ret_done)
{
	uint32_t count = n;
	long result = bpf_map_delete_batch(table->fd, keys, &count, NULL);
	*ret_done = result == -EFAULT ? 0 : count;
	return table_err(result);
}

enum err bpf_table_put_many(const struct bpf_table *table, const void *keys, const void *values,
			    uint32_t n, uint32_t *ret_done)
{
	uint32_t count = n;
	long result = bpf_map_update_batch(table->fd, keys, values, &count, NULL);
	*ret_done = result == -EFAULT ? 0 : count;
	return table_err(result);
}

/* ---- its memory ---- */

enum err bpf_table_map(const struct bpf_table *table, bool writable, struct bpf_memory *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = padded(table->value_size) * (size_t)table->entries_max;
	len = (len + page - 1) & ~(page - 1);
	void *base = mmap(NULL, len, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
			  table->fd, 0);
	if (base == MAP_FAILED)
		return err_errno();
	*ret = (struct bpf_memory){.base = base, .len = len};
	return OK;
}

void bpf_memory_done(struct bpf_memory *memory)
{
	if (memory && memory->base)
		(void)munmap(memory->base, memory->len);
	if (memory)
		*memory = (struct bpf_memory){0};
}
