#include "os/conntrack.h"

#include "os/nft.h"
#include "os/udp.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const char tracking[] =
	"table inet t {\n"
	"  chain out {\n    type filter hook output priority 0; policy accept;\n"
	"    ct state new counter\n  }\n"
	"  chain nat {\n    type nat hook postrouting priority 100; policy accept;\n"
	"    udp dport 9 snat ip to 10.9.1.1:4444\n  }\n}\n";

struct found {
	struct conntrack_flow flow;
	size_t n;
};

static bool take(void *arg, const struct conntrack_flow *flow)
{
	struct found *f = arg;
	if (flow->proto != 17 || flow->way[0].to.port != 9)
		return true;
	f->flow = *flow;
	f->n++;
	return true;
}

static int over_a_cable(void)
{
	struct cable cable;
	const struct ip_endpoint any = {.address = cable_left4, .port = 3333};
	struct nft *nft = NULL;
	struct found f = {0};
	int udp;
	enum err e = cable_lay(&cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	e = nft_new(&nft);
	if (e == ERR_UNSUPPORTED)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !nft_run(nft, tracking) && !udp_open(&any, 0, &udp));
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0x0a090102)}};
	CHILD_CHECK(sendto(udp, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)) == 1);
	CHILD_CHECK(!conntrack_list(0, take, &f) && f.n == 1);
	CHILD_CHECK(f.flow.way[0].from.port == 3333 && f.flow.way[1].to.port == 4444);
	CHILD_CHECK(ip_address_equal(&f.flow.way[0].to.address, &cable_right4));
	CHILD_CHECK(ip_address_equal(&f.flow.way[1].from.address, &cable_right4));
	CHILD_CHECK((f.flow.status & CONNTRACK_SOURCE) && !(f.flow.status & CONNTRACK_ANSWERED));
	CHILD_CHECK(f.flow.left_s > 0 && f.flow.left_s <= 300);
	f.n = 0;
	CHILD_CHECK(!conntrack_list(6, take, &f) && f.n == 0);
	CHILD_CHECK(!conntrack_remove(&f.flow));
	CHILD_CHECK(!conntrack_list(4, take, &f) && f.n == 0);
	CHILD_CHECK(conntrack_remove(&f.flow) == (enum err)ENOENT);
	nft_free(nft);
	return 0;
}

static void a_flow_is_told_and_ended(void **state)
{
	(void)state;
	assert_child(over_a_cable, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_told_and_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
