/* The kernel takes what is made of a configuration, in a network namespace of the test's own. */
#include "service/nat/io_nft.h"

#include "os/netns.h"
#include "os/nft.h"
#include "service/nat/nft.h"
#include "service/nat/site_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "os/child_test.h"

#define HEAD                                                                                       \
	"nat:\n  outside: wan0\n  inside: [lan0, lan1]\n  zones: {guests: {interfaces: guest0}}\n"
#define FORWARD "  forward:\n    - {from: 443/tcp, to: 192.168.1.5}\n"

static const char *const confs[] = {
	HEAD,
	HEAD "  timeouts: {tcp: 3h, udp: 100s, dns: 100s}\n",
	HEAD "  timeouts: {tcp: 3h, udp: 101s}\n  ipv6: off\n  bogons: off\n",
	HEAD "  addresses: [203.0.113.8-203.0.113.11]\n" FORWARD
	     "    - {from: 8080/tcp, to: \"192.168.1.5:80\", for: [44.0.0.0/8, guests, 45.0.0.1]}\n"
	     "    - {from: 5000-5100/udp, to: \"192.168.1.6:6000\", address: 203.0.113.9}\n"
	     "    - {from: 53, to: nas}\n  domain: lan\n",
	HEAD
	"  firewall:\n"
	"    - {action: drop, from: inside, to: outside, traffic: 25/tcp}\n"
	"    - {action: reject, from: [guests, 10.9.1.0/24], to: 8.8.8.8, traffic: "
	"[1000-2000/udp, 5/tcp, 6/tcp], source-ports: \"5000\"}\n"
	"    - {action: reject, from: inside, to: 9.9.9.9}\n"
	"    - {action: reject, to: gateway, traffic: [esp, gre, sctp, 99/ip]}\n"
	"    - {action: drop, from: 2001:470::/32, traffic: [icmpv6/128, icmpv6/1/3]}\n"
	"    - {action: drop, traffic: [icmp/3/4, icmp, ping, icmpv6]}\n"
	"    - {action: allow, from: guests, to: gateway, traffic: 22/tcp, rate: 1/h, burst: 1}\n"
	"    - {action: allow, from: outside, traffic: 53, rate: 90/m}\n",
	HEAD "  nptv6:\n    - {inside: fd00:1::/48, outside: 2001:470:9::/48}\n"
	     "    - {inside: fd00:2::/64, outside: 2001:470:8::/64}\n",
	"nat:\n  outside: [wan0, ppp0]\n  inside: lan0\n  zones: {dmz: {interfaces: guest0, "
	"translate: "
	"off, networks: [44.5.0.0/16, 2001:470:5::/48]}}\n" FORWARD,
	HEAD,
};

static bool is_there(struct nft *nft, const char *table)
{
	char text[128];
	(void)snprintf(text, sizeof(text), "list table inet %s\n", table);
	return nft_run(nft, text) == OK;
}

static enum err apply(struct nat_nft *b, const char *conf)
{
	struct site s;
	site_init(&s, conf);
	site_make(&s, NULL, OK);
	enum err e = nat_nft_apply(b, s.conf, &s.net, s.t);
	site_done(&s);
	return e;
}

static int one_after_the_other(void)
{
	struct nat_nft b = {0};
	int ns;
	enum err e = netns_new(&ns);
	if (e == (enum err)EPERM || e == (enum err)ENOSPC || e == (enum err)ENOSYS)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ns));
	e = nat_nft_open(&b);
	if (e == ERR_UNSUPPORTED)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && nft_run(b.nft, "table inet others { chain c { counter; }; }\n") == OK);
	for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		if (apply(&b, confs[i])) {
			(void)fprintf(stderr, "configuration %zu: %s\n", i, nft_trouble(b.nft));
			return 1;
		}
		CHILD_CHECK(is_there(b.nft, NAT_NFT_TABLE) && is_there(b.nft, NAT_NFT_TIMERS));
	}
	/* The same again is left alone: somebody's own change stays. */
	CHILD_CHECK(!nft_run(b.nft, "add chain inet " NAT_NFT_TABLE " mine\n"));
	CHILD_CHECK(!apply(&b, HEAD) &&
		    !nft_run(b.nft, "list chain inet " NAT_NFT_TABLE " mine\n"));
	CHILD_CHECK(!apply(&b, confs[1]) &&
		    nft_run(b.nft, "list chain inet " NAT_NFT_TABLE " mine\n"));
	/* What cannot be said changes nothing. */
	CHILD_CHECK(apply(&b, "nat:\n  outside: wan0\n  inside: \"lan*\"\n") == ERR_UNSUPPORTED);
	CHILD_CHECK(is_there(b.nft, NAT_NFT_TABLE));
	CHILD_CHECK(!nat_nft_end(&b));
	CHILD_CHECK(!is_there(b.nft, NAT_NFT_TABLE) && !is_there(b.nft, NAT_NFT_TIMERS));
	CHILD_CHECK(!apply(&b, HEAD) && !is_there(b.nft, NAT_NFT_TABLE));
	CHILD_CHECK(is_there(b.nft, "others"));
	nat_nft_done(&b);
	return 0;
}

static void the_kernel_takes_one_ruleset_after_the_other(void **state)
{
	(void)state;
	assert_child(one_after_the_other, "network namespaces are not permitted");
}

static int left_behind(void)
{
	struct nat_nft b = {0};
	struct nft *nft = NULL;
	int ns;
	enum err e = netns_new(&ns);
	if (e == (enum err)EPERM || e == (enum err)ENOSPC || e == (enum err)ENOSYS)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ns));
	e = nat_nft_open(&b);
	if (e == ERR_UNSUPPORTED)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !apply(&b, HEAD));
	nat_nft_done(&b);
	CHILD_CHECK(!nft_new(&nft) && is_there(nft, NAT_NFT_TABLE));
	nat_nft_remove_left(false);
	nat_nft_remove_left(false); /* there is nothing any more */
	CHILD_CHECK(!is_there(nft, NAT_NFT_TABLE) && !is_there(nft, NAT_NFT_TIMERS));
	nft_free(nft);
	return 0;
}

static void what_a_process_before_left_goes(void **state)
{
	(void)state;
	assert_child(left_behind, "network namespaces are not permitted");
}

static bool chosen(const char *attach, const char *folder, struct nat_nft *b)
{
	struct site s;
	char text[256];
	bool nft = false;
	*b = (struct nat_nft){0};
	(void)snprintf(text, sizeof(text), HEAD "  attach: %s\n", attach);
	site_init(&s, text);
	nat_nft_choose(b, s.conf, folder, &nft);
	site_done(&s);
	return nft;
}

static void only_auto_falls_back(void **state)
{
	struct nat_nft b;
	(void)state;
	assert_true(chosen("nftables", NULL, &b));
	assert_string_equal(b.why, "the configuration says so");
	assert_true(chosen("auto", NULL, &b));
	assert_string_equal(b.why, "there is no BPF file system to pin programs in");
	assert_false(chosen("tc", NULL, &b));
	assert_false(chosen("xdp", NULL, &b));
	assert_false(chosen("xdp-generic", NULL, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_takes_one_ruleset_after_the_other),
		cmocka_unit_test(what_a_process_before_left_goes),
		cmocka_unit_test(only_auto_falls_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
