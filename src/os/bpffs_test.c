#include "os/bpffs.h"

#include "os/bpf.h"
#include "os/state_dir.h"
#include "os/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/bpf_test.h"

enum { SOMEBODY = 4711 };

static int begin(void)
{
	if (!user_is_root() || mount_private() || mount_tmpfs("/tmp", 1 << 20, 01777) ||
	    mkdir("/tmp/try", 0700) < 0)
		return CHILD_SKIPS;
	enum err e = bpffs_make("/tmp/try", NULL);
	CHILD_CHECK(!e || e == (enum err)EPERM);
	return e ? CHILD_SKIPS : 0;
}
#define BEGIN()                                                                                    \
	do {                                                                                       \
		int begin_ = begin();                                                              \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

static bool stands(const char *path, unsigned mode, uint32_t uid)
{
	struct stat st;
	return lstat(path, &st) == 0 && (st.st_mode & 07777) == mode && st.st_uid == uid;
}

static int beside(void)
{
	const struct state_owner owner = {SOMEBODY, SOMEBODY};
	BEGIN();
	CHILD_CHECK(bpffs_is("/tmp/try") && !bpffs_is("/tmp") && !bpffs_is("/tmp/none"));
	CHILD_CHECK(bpffs_make("tmp/relative", NULL) == (enum err)EINVAL);
	CHILD_CHECK(!bpffs_make("/tmp/a/b", &owner) && bpffs_is("/tmp/a/b"));
	CHILD_CHECK(!bpffs_is("/tmp/a") && stands("/tmp/a/b", 0700, SOMEBODY));
	/* Again: nothing is mounted on top. */
	struct stat first, second;
	CHILD_CHECK(stat("/tmp/a/b", &first) == 0 && !bpffs_make("/tmp/a/b", &owner));
	CHILD_CHECK(stat("/tmp/a/b", &second) == 0 && first.st_dev == second.st_dev);
	return 0;
}

static void a_place_of_its_own_is_mounted(void **state)
{
	(void)state;
	assert_child(beside, "mounts are not permitted");
}

static int below_root(void)
{
	const struct state_owner owner = {SOMEBODY, SOMEBODY};
	BEGIN();
	/* What this machine has there is out of sight. */
	if (mount_tmpfs(BPFFS_ROOT, 1 << 20, 0700))
		return CHILD_SKIPS;
	CHILD_CHECK(!bpffs_make(BPFFS_ROOT "/gatehouse/nat", &owner) && bpffs_is(BPFFS_ROOT));
	CHILD_CHECK(stands(BPFFS_ROOT, 01711, 0) && stands(BPFFS_ROOT "/gatehouse", 0755, 0));
	CHILD_CHECK(stands(BPFFS_ROOT "/gatehouse/nat", 0700, SOMEBODY));
	/* As systemd mounts it. */
	CHILD_CHECK(chmod(BPFFS_ROOT, 01700) == 0 && chmod(BPFFS_ROOT "/gatehouse", 0700) == 0);
	CHILD_CHECK(!bpffs_make(BPFFS_ROOT "/gatehouse/nat", &owner));
	CHILD_CHECK(stands(BPFFS_ROOT, 01701, 0) && stands(BPFFS_ROOT "/gatehouse", 0701, 0));
	return 0;
}

static void the_machines_place_is_used_and_opened_to_the_owner(void **state)
{
	(void)state;
	assert_child(below_root, "mounts are not permitted");
}

static int new_owner(void)
{
	const struct state_owner owner = {SOMEBODY, SOMEBODY};
	struct bpf_set *set = NULL;
	BEGIN();
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!bpffs_make("/tmp/pins", NULL) && !bpf_test_open(&set) && !bpf_set_load(set));
	CHILD_CHECK(!bpf_set_pin(set, "/tmp/pins") && stands("/tmp/pins/flows", 0600, 0));
	/* Two names for one thing, and a link: traps. */
	CHILD_CHECK(symlink("/tmp/try", "/tmp/pins/link") == 0);
	CHILD_CHECK(link("/tmp/pins/shown", "/tmp/pins/other") == 0);
	CHILD_CHECK(!bpffs_make("/tmp/pins", &owner));
	CHILD_CHECK(stands("/tmp/pins", 0700, SOMEBODY) && stands("/tmp/try", 0700, 0));
	CHILD_CHECK(stands("/tmp/pins/flows", 0600, SOMEBODY));
	CHILD_CHECK(stands("/tmp/pins/shown", 0600, 0));
	/* A folder of its own making, and no further. */
	const struct state_owner next = {SOMEBODY + 1, SOMEBODY + 1};
	CHILD_CHECK(mkdir("/tmp/pins/below", 0700) == 0 &&
		    mkdir("/tmp/pins/below/deep", 0700) == 0);
	CHILD_CHECK(rename("/tmp/pins/flows", "/tmp/pins/below/flows") == 0);
	CHILD_CHECK(!bpffs_make("/tmp/pins", &next));
	CHILD_CHECK(stands("/tmp/pins/below", 0700, SOMEBODY + 1));
	CHILD_CHECK(stands("/tmp/pins/below/flows", 0600, SOMEBODY + 1));
	CHILD_CHECK(stands("/tmp/pins/below/deep", 0700, 0));
	bpf_set_free(set);
	return 0;
}

static void what_is_pinned_goes_to_a_new_owner(void **state)
{
	(void)state;
	assert_child(new_owner, "mounts or programs are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_of_its_own_is_mounted),
		cmocka_unit_test(the_machines_place_is_used_and_opened_to_the_owner),
		cmocka_unit_test(what_is_pinned_goes_to_a_new_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
