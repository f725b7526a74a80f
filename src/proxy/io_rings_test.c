#include "proxy/io_rings.h"

#include "base/writer.h"
#include "os/ring.h"
#include "os/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

enum { WORKERS = 3 };

static const char *metrics(const struct proxy_rings *r)
{
	static char text[512];
	struct writer w = writer_of(text, sizeof(text) - 1);
	proxy_rings_metrics(r, "p_", &w);
	text[w.pos] = '\0';
	return text;
}

/* A sandbox without the call stands for a kernel without it. */
static int open_where_there_is_none(void)
{
	struct sandbox s = {.profile = SANDBOX_NET_SERVICE, .view = SANDBOX_VIEW_AS_IS};
	struct sandbox_report report = {0};
	struct proxy_rings r;
	size_t n = 7;
	CHILD_CHECK(!sandbox_tighten(&s, &report));
	if (!sandbox_report_has(&report, SANDBOX_LAYER_SECCOMP))
		return CHILD_SKIPS;
	proxy_rings_open(&r, PROXY_RINGS_AUTO, WORKERS);
	CHILD_CHECK(!proxy_rings_get(&r, 0) && !proxy_rings_get(&r, WORKERS - 1));
	CHILD_CHECK(strcmp(proxy_rings_text(&r), err_text((enum err)ENOSYS)) == 0);
	(void)proxy_rings_syscalls(&r, &n);
	CHILD_CHECK(n == 0 && strstr(metrics(&r), "\np_rings 0\n"));
	proxy_rings_done(&r);
	return 0;
}

static void without_io_uring_there_is_none_and_it_is_told(void **state)
{
	(void)state;
	assert_child(open_where_there_is_none, "this kernel has no seccomp");
}

static void off_makes_none(void **state)
{
	(void)state;
	struct proxy_rings r;
	size_t n = 7;
	proxy_rings_open(&r, PROXY_RINGS_OFF, WORKERS);
	assert_null(proxy_rings_get(&r, 0));
	assert_string_equal(proxy_rings_text(&r), "off");
	(void)proxy_rings_syscalls(&r, &n);
	assert_int_equal(n, 0);
	assert_non_null(strstr(metrics(&r), "\np_rings 0\n"));
	proxy_rings_done(&r);
}

static void each_worker_has_one(void **state)
{
	(void)state;
	struct ring *one = NULL;
	struct proxy_rings r;
	size_t n = 7;
	enum err e = ring_new(4, &one);
	if (e) {
		print_message("skipped: no ring of io_uring here: %s\n", err_text(e));
		skip();
	}
	ring_free(one);
	proxy_rings_open(&r, PROXY_RINGS_AUTO, WORKERS);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_non_null(proxy_rings_get(&r, i));
		assert_ptr_not_equal(proxy_rings_get(&r, i),
				     proxy_rings_get(&r, (i + 1) % WORKERS));
	}
	assert_string_equal(proxy_rings_text(&r), "on");
	assert_ptr_equal(proxy_rings_syscalls(&r, &n), ring_syscalls);
	assert_int_equal(n, RING_SYSCALLS);
	assert_non_null(strstr(metrics(&r), "\np_rings 3\n"));
	proxy_rings_done(&r);
	proxy_rings_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_io_uring_there_is_none_and_it_is_told),
		cmocka_unit_test(off_makes_none),
		cmocka_unit_test(each_worker_has_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
