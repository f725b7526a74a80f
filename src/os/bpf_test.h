/* For tests that load programs: the object of bpf_test.bpf.c, and a place to pin what is in it.
 * Knows nothing of what is tested. */
#ifndef OS_BPF_TEST_H
#define OS_BPF_TEST_H

#include "os/bpf.h"
#include "os/bpffs.h"
#include "os/file.h"
#include "os/netns.h"

#include "os/child_test.h"

extern const unsigned char bpf_test_object[], bpf_test_object_end[];

static inline struct span bpf_test_bytes(void)
{
	return span_of(bpf_test_object, (size_t)(bpf_test_object_end - bpf_test_object));
}

/* Whether to skip: this user or kernel does not load programs. */
static inline bool bpf_test_may_not(void)
{
	enum err e = bpf_may_load();
	return e == (enum err)EPERM || e == (enum err)ENOSYS || e == (enum err)EACCES;
}

/* The object without the program that the verifier refuses. */
static inline enum err bpf_test_open(struct bpf_set **ret)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	TRY(bpf_set_open(bpf_test_bytes(), "bpf_test", &set));
	TRY(bpf_set_without(set, "refused"));
	*ret = TAKE(set);
	return OK;
}

/* In a child: a mount namespace of its own with a BPF file system, which is gone with it. */
#define BPF_TEST_FOLDER "/tmp/bpf"
static inline enum err bpf_test_folder(void)
{
	TRY(mount_private());
	TRY(mount_tmpfs("/tmp", 1 << 20, 01777));
	return bpffs_make(BPF_TEST_FOLDER, NULL);
}

#endif
