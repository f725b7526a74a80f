#include "os/ring.h"
#include "os/sandbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "os/child_test.h"

/* One that was made before goes on, and no other can be. */
static int ring_from_before(void)
{
	struct sandbox s = {.profile = SANDBOX_NET_SERVICE, .view = SANDBOX_VIEW_AS_IS};
	struct sandbox_report r = {0};
	struct ring *ring = NULL, *other = NULL;
	char byte = 0;
	int ends[2];
	CHILD_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	if (ring_new(4, &ring))
		return CHILD_SKIPS;
	s.syscalls = ring_syscalls;
	s.syscalls_len = RING_SYSCALLS;
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_SECCOMP))
		return CHILD_SKIPS;
	struct ring_item out = {.fd = ends[0], .from = "x", .len = 1};
	struct ring_item in = {.fd = ends[1], .to = &byte, .len = 1};
	ring_send_many(ring, &out, 1);
	ring_receive_many(ring, &in, 1);
	CHILD_CHECK(out.result == 1 && in.result == 1 && byte == 'x');
	CHILD_CHECK(ring_new(4, &other) == (enum err)ENOSYS && !other);
	CHILD_CHECK(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
	CHILD_CHECK(syscall(SYS_io_uring_register, -1, 0, NULL, 0) < 0 && errno == ENOSYS);
	return 0;
}

static int no_ring(void)
{
	struct sandbox s = {.profile = SANDBOX_NET_SERVICE, .view = SANDBOX_VIEW_AS_IS};
	struct sandbox_report r = {0};
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_SECCOMP))
		return CHILD_SKIPS;
	CHILD_CHECK(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) < 0 && errno == ENOSYS);
	CHILD_CHECK(syscall(SYS_io_uring_register, -1, 0, NULL, 0) < 0 && errno == ENOSYS);
	return 0;
}

static void a_ring_from_before_is_used_and_none_is_made(void **state)
{
	(void)state;
	assert_child(no_ring, "this kernel has no seccomp");
	assert_child(ring_from_before, "this kernel has no seccomp, or no ring of io_uring");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_from_before_is_used_and_none_is_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
