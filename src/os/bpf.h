/* Programs for the kernel and their tables: opened from memory, loaded, pinned, asked, run once.
 *Knows no program; where they are attached is in os/bpf_attach.h.
 *
 *	bpf_set_open, bpf_set_entries, bpf_set_constant   what is in the object, and how large
 *	bpf_set_adopt                                     the process before us was of the same
 *build else: bpf_set_reuse                                     takes over the tables that it has
 *pinned bpf_set_load                                      the verifier judges bpf_set_pin, attach,
 *bpf_set_settle               from here on it lives without us bpf_set_leave for bpf_set_adopt of
 *the process after us
 *
 * "Table" is the kernel's BPF map. Errors of the kernel come through: EPERM (no CAP_BPF), EINVAL
 *(the verifier refused: bpf_set_trouble tells why), E2BIG, ENOMEM. One thread at a time uses a set.
 */
#ifndef OS_BPF_H
#define OS_BPF_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_set;

enum { BPF_PATH_MAX = 256, BPF_CURSOR_MAX = 64 };

/* Whether this process may load programs here: EPERM, ENOSYS… when it may not. Loads one that is
 * three words long, for XDP. */
MUST enum err bpf_may_load(void);

/* Whether this kernel's programs may call bpf_loop, which came with Linux 5.17: ERR_UNSUPPORTED. */
MUST enum err bpf_may_loop(void);

/* object: an ELF file as clang makes it for the bpf target, aligned to 8; borrowed until
 * bpf_set_free. name: up to 15 letters, digits, '_', for those who list what is loaded. ERR_FORMAT:
 * it is none. */
MUST enum err bpf_set_open(struct span object, const char *name, struct bpf_set **ret);
/* What is neither pinned nor attached leaves the kernel. */
void bpf_set_free(struct bpf_set *set);
DEFINE_AUTO(struct bpf_set, bpf_set_free)

/* ---- before it is loaded. ERR_ABSENT: the object has no such thing ---- */

MUST enum err bpf_set_entries(struct bpf_set *set, const char *table, uint32_t entries_max);
/* The value of a `const volatile` variable, or with what another one begins. EINVAL: it is not len
 * bytes long; EBUSY: loaded already. */
MUST enum err bpf_set_constant(struct bpf_set *set, const char *variable, const void *value,
			       size_t len);
/* Leaves a program out. */
MUST enum err bpf_set_without(struct bpf_set *set, const char *program);
/* A table that each load has anew, as a program array of its own: never taken over, though pinned.
 */
MUST enum err bpf_set_fresh(struct bpf_set *set, const char *table);

/* How a pinned table differs from the one in the object. */
struct bpf_misfit {
	char table[BPF_PATH_MAX];
	const char *what; /* "type", "key size", "value size", "entries", "flags" */
	uint32_t pinned, wanted;
};
/* The object's tables become those that are pinned in folder under their names; who is not there is
 * made anew. ERR_EXISTS: one does not fit; nothing was taken over and ret_misfit says which. That
 * sizes are the same and the fields mean something else nobody sees here: another folder for
 * another layout. ret_reused: how many. */
MUST enum err bpf_set_reuse(struct bpf_set *set, const char *folder, struct bpf_misfit *ret_misfit,
			    size_t *ret_reused);

/* Takes over all that bpf_set_pin, bpf_set_settle and bpf_set_leave have put into folder, programs
 * too, in place of bpf_set_reuse and bpf_set_load. All of it must be what loading would make: every
 * table and program under its name, of its kind; no program with a table that is not pinned here;
 * .rodata frozen, with our constants, and bound to every program; fresh tables frozen. A constant
 * must name the build, as by a hash of the object: two with the same constants are the same here.
 * What root alone can make is believed, and only that: who has no right to load can neither freeze
 * a table, nor make a program of these kinds, nor bind one to it. ERR_ABSENT: something is not so,
 * ret_why says what, and nothing was taken over. */
MUST enum err bpf_set_adopt(struct bpf_set *set, const char *folder, const char **ret_why);

MUST enum err bpf_set_load(struct bpf_set *set);
/* What libbpf and the verifier complained of last, their last lines; "" when nothing. */
const char *bpf_set_trouble(const struct bpf_set *set);

/* ---- loaded ---- */

/* Pins every declared table in folder (a BPF file system) under its name; those that were taken
 * over are there. A fresh one is pinned beside its predecessor until bpf_set_settle, which is
 * called once the programs are attached, puts it in that one's place. (.bss, .data and .rodata are
 * left to bpf_set_leave.) */
MUST enum err bpf_set_pin(struct bpf_set *set, const char *folder);
MUST enum err bpf_set_settle(struct bpf_set *set, const char *folder);
/* A table that was loaded is from here on written by programs only, also by who has its pin. */
MUST enum err bpf_set_freeze(struct bpf_set *set, const char *table);
/* Pins what bpf_set_adopt needs besides: programs, and sections as section_NAME. folder is the
 * set's alone: what else is in it, of another build, goes. */
MUST enum err bpf_set_leave(const struct bpf_set *set, const char *folder);
/* A program under its name in folder, in place of one that is there. */
MUST enum err bpf_set_pin_program(struct bpf_set *set, const char *folder, const char *program);
/* The name of a table, program or link is gone; OK when it was not there. */
MUST enum err bpf_unpin(const char *folder, const char *name);

/* The descriptor is the set's. ERR_ABSENT: none of that name, or left out. */
MUST enum err bpf_set_program(const struct bpf_set *set, const char *program, int *ret_fd);
/* A variable of .bss, .data or .rodata (read-only), in the memory that the programs see; the set's.
 * ERR_ABSENT: not loaded. EINVAL: it
 * is not len bytes long. */
MUST enum err bpf_set_variable(struct bpf_set *set, const char *variable, size_t len, void **ret);

/* ---- tables ---- */

struct bpf_table {
	int fd; /* the set's, or owned when bpf_table_open made it */
	uint32_t type, key_size, value_size, entries_max, flags;
	/* Bytes of a value here: for a table with a value for each CPU, cpus of them, each padded
	 * to 8. */
	size_t value_room;
	uint32_t cpus; /* 1 for others */
};
MUST enum err bpf_set_table(const struct bpf_set *set, const char *table, struct bpf_table *ret);
/* A pinned one; the caller closes it by bpf_table_done. ENOENT. */
MUST enum err bpf_table_open(const char *folder, const char *name, struct bpf_table *ret);
void bpf_table_done(struct bpf_table *table);

/* ERR_ABSENT: no such key. */
MUST enum err bpf_table_get(const struct bpf_table *table, const void *key, void *ret_value);
MUST enum err bpf_table_remove(const struct bpf_table *table, const void *key);
enum bpf_put { BPF_PUT, BPF_PUT_NEW, BPF_PUT_OLD };
/* BPF_PUT_NEW: ERR_EXISTS when the key is there; BPF_PUT_OLD: ERR_ABSENT when it is not. ERR_LIMIT:
 * the table is full. */
MUST enum err bpf_table_put(const struct bpf_table *table, const void *key, const void *value,
			    enum bpf_put how);
/* Of a program array: what a tail call to key runs. */
MUST enum err bpf_table_put_program(const struct bpf_table *table, uint32_t key, int program_fd);
/* The key after `key` (NULL, or one that is gone: the first); ERR_ABSENT: that was the last. */
MUST enum err bpf_table_next(const struct bpf_table *table, const void *key, void *ret_key);

/* Many at once. A cursor of zeros stands at the beginning. */
struct bpf_cursor {
	uint8_t at[BPF_CURSOR_MAX];
	bool begun, ended;
};
/* n: room in keys (n * key_size) and values (n * value_room); becomes how many were read, 0 with
 * ended. ERR_LIMIT: one bucket of the table holds more than n; come again with more room. */
MUST enum err bpf_table_read(const struct bpf_table *table, struct bpf_cursor *cursor, void *keys,
			     void *values, uint32_t *n);
/* All n, or an error and *ret_done of them; ERR_ABSENT: one was not there. */
MUST enum err bpf_table_remove_many(const struct bpf_table *table, const void *keys, uint32_t n,
				    uint32_t *ret_done);
MUST enum err bpf_table_put_many(const struct bpf_table *table, const void *keys,
				 const void *values, uint32_t n, uint32_t *ret_done);

/* The memory of an array made with BPF_F_MMAPABLE: values one after another, each padded to 8. */
struct bpf_memory {
	void *base;
	size_t len;
};
MUST enum err bpf_table_map(const struct bpf_table *table, bool writable, struct bpf_memory *ret);
void bpf_memory_done(struct bpf_memory *memory);

/* ---- records from programs ---- */

struct bpf_ring;
/* record is in the ring's memory until the callback returns. */
typedef void bpf_ring_call(void *arg, struct span record);
/* table: of the type BPF_MAP_TYPE_RINGBUF. */
MUST enum err bpf_ring_new(const struct bpf_table *table, bpf_ring_call *call, void *arg,
			   struct bpf_ring **ret);
void bpf_ring_free(struct bpf_ring *ring);
DEFINE_AUTO(struct bpf_ring, bpf_ring_free)
/* To be watched for LOOP_READ, level-triggered. */
int bpf_ring_fd(const struct bpf_ring *ring);
/* Calls for what is there, records_max at most; ret_n: how many there were. */
MUST enum err bpf_ring_consume(struct bpf_ring *ring, size_t records_max, size_t *ret_n);

/* ---- once, by hand (BPF_PROG_TEST_RUN) ---- */

struct bpf_run {
	struct span in;		/* the packet; for XDP and tc at least 14 bytes */
	const void *context_in; /* struct xdp_md, struct __sk_buff, a syscall program's argument */
	size_t context_in_len;	/* 0: none */
	void *out;		/* NULL: not wanted */
	size_t out_len;		/* room; becomes what is in it */
	void *context_out;	/* NULL: not wanted */
	size_t context_out_len; /* the same */
	uint32_t repeat;	/* 0: once */
	uint32_t ret;		/* what the program returned */
	uint32_t duration_ns;	/* of one run, on average */
};
/* ENOSPC: out is too small; out_len is what it takes. */
MUST enum err bpf_program_run(int program_fd, struct bpf_run *run);

/* The kernel's number of a loaded program. */
MUST enum err bpf_program_id(int program_fd, uint32_t *ret);

#endif
