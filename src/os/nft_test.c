#include "os/nft.h"

#include "os/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

static int in_a_namespace(void)
{
	struct nft *nft = NULL;
	int ns;
	enum err e = netns_new(&ns);
	if (e == (enum err)EPERM || e == (enum err)ENOSPC || e == (enum err)ENOSYS)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ns));
	e = nft_new(&nft);
	if (e == ERR_UNSUPPORTED)
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	CHILD_CHECK(nft_run(nft, "table inet t { chain c { counter drop; }; }\n") == OK);
	CHILD_CHECK(strcmp(nft_trouble(nft), "") == 0);
	/* Nothing of it, when one line is wrong: the table is there still. */
	CHILD_CHECK(nft_run(nft, "delete table inet t\nadd rule inet gone c drop\n") ==
		    ERR_REFUSED);
	CHILD_CHECK(strstr(nft_trouble(nft), "No such file") && !strchr(nft_trouble(nft), '\n'));
	CHILD_CHECK(nft_run(nft, "table inet t { chain c { frobnicate; }; }\n") == ERR_REFUSED);
	CHILD_CHECK(strstr(nft_trouble(nft), "syntax error"));
	CHILD_CHECK(nft_run(nft, "delete table inet t\n") == OK);
	CHILD_CHECK(nft_run(nft, "delete table inet t\n") == ERR_REFUSED);
	nft_free(nft);
	return 0;
}

static void all_of_a_text_is_in_force_or_nothing(void **state)
{
	(void)state;
	assert_child(in_a_namespace, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_text_is_in_force_or_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
