#include "service/nat/bpf/object.h"
#include "service/nat/bpf/shared.h"

#include "os/bpf.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

static int load(void)
{
	static const uint8_t packet[60];
	struct bpf_set *set = NULL;
	struct bpf_run run = {.in = span_of(packet, sizeof(packet))};
	enum err may = bpf_may_load();
	int fd;
	if (may == (enum err)EPERM || may == (enum err)ENOSYS || may == (enum err)EACCES)
		return CHILD_SKIPS;
	CHILD_CHECK(!bpf_set_open(
		span_of(nat_bpf_object, (size_t)(nat_bpf_object_end - nat_bpf_object)), "nat",
		&set));
	enum err e = bpf_set_load(set);
	if (e)
		(void)fprintf(stderr, "%s\n", bpf_set_trouble(set));
	CHILD_CHECK(!e);
	/* A device in no zone: nothing of it is ours. */
	CHILD_CHECK(!bpf_set_program(set, "nat_xdp", &fd) && !bpf_program_run(fd, &run));
	CHILD_CHECK(run.ret == XDP_PASS);
	CHILD_CHECK(!bpf_set_program(set, "nat_tc_in", &fd) && !bpf_program_run(fd, &run));
	CHILD_CHECK(run.ret == (uint32_t)-1); /* TC_ACT_UNSPEC */
	bpf_set_free(set);
	return 0;
}

static void the_verifier_accepts_all_programs(void **state)
{
	(void)state;
	assert_child(load, "this user or kernel does not load programs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verifier_accepts_all_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
