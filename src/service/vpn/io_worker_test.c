/* Two interfaces in two network namespaces with a cable between them; what goes through is what
 * the kernel itself sends; it runs with threads, the workers. */
#include "service/vpn/io_worker.h"

#include "crypto/random.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/tcp.h"
#include "os/tun.h"
#include "os/udp.h"
#include "service/vpn/gate/gate.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

enum { WORKERS = 2, MTU = 1420, PORT = 51820, TCP_BYTES = 6 << 20 };

struct side {
	int netns, tuns[WORKERS], udp4[WORKERS + 1], udp6[WORKERS + 1];
	size_t tuns_n;
	struct ip_address inner4, inner6, outer4, outer6;
	uint8_t private[VPN_KEY_LEN], public[VPN_KEY_LEN];
	struct gate_net net;
	struct vpn_workers *workers;
	struct vpn_engine *engine;
	struct vpn_link *link;
	struct vpn_peer *peer;
};

static struct loop main_loop;
static struct side sides[2];

/* ---- the service's part, as small as can be ---- */

static uint64_t now(void)
{
	return clock_ageing_us() / 1000;
}

static void effect_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	vpn_link_send(((struct side *)arg)->link, to, tos, datagram);
}

static void effect_random(void *arg, void *ret, size_t len)
{
	(void)arg;
	err_ignore(crypto_random(ret, len));
}

static uint64_t effect_wall_ns(void *arg)
{
	(void)arg;
	return clock_wall_ms() * 1000000;
}

static void effect_begin(void *arg)
{
	struct side *s = arg;
	if (s->workers)
		vpn_workers_begin(s->workers);
}

static void effect_end(void *arg)
{
	struct side *s = arg;
	if (s->workers)
		vpn_workers_end(s->workers);
}

static void turn(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < 2; i++)
		if (sides[i].workers)
			vpn_workers_turn(sides[i].workers, now());
}

/* One turn of the main loop. */
static int drive(int timeout_ms)
{
	CHILD_CHECK(!loop_turn(&main_loop, timeout_ms));
	turn(NULL);
	return 0;
}

/* ---- the two sides ---- */

static int side_open(struct side *s, unsigned wanted)
{
	CHILD_CHECK(!netns_enter(s->netns));
	CHILD_CHECK(!tun_open("wg0", WORKERS, wanted, s->tuns, &s->tuns_n));
	CHILD_CHECK(!link_set_mtu("wg0", MTU) && !link_up("wg0"));
	CHILD_CHECK(!address_add("wg0", &s->inner4, 24) && !address_add("wg0", &s->inner6, 64));
	for (size_t i = 0; i <= WORKERS; i++) {
		const struct ip_endpoint at4 = {.address = {.family = 4}, .port = PORT};
		const struct ip_endpoint at6 = {.address = {.family = 6}, .port = PORT};
		CHILD_CHECK(!udp_open(&at4, UDP_REUSEPORT, &s->udp4[i]));
		CHILD_CHECK(!udp_open(&at6, UDP_REUSEPORT, &s->udp6[i]));
	}
	return 0;
}

static int side_start(struct side *s, unsigned offloads, bool trains)
{
	const struct vpn_setting setting = {
		.workers_n = WORKERS + 1, .peers_max = 4, .staged_max = 64, .mtu = MTU};
	const struct vpn_effects effects = {.arg = s,
					    .send = effect_send,
					    .random = effect_random,
					    .wall_ns = effect_wall_ns,
					    .begin = effect_begin,
					    .end = effect_end};
	struct vpn_link_setting link = {.udp4 = s->udp4,
					.udp6 = s->udp6,
					.tuns = s->tuns,
					.udp4_n = WORKERS + 1,
					.udp6_n = WORKERS + 1,
					.tuns_n = s->tuns_n,
					.mtu = MTU,
					.offloads = offloads,
					.trains = trains};
	CHILD_CHECK(!vpn_workers_new(WORKERS, &main_loop, &s->workers));
	CHILD_CHECK(!vpn_engine_new(&setting, &effects, now(), &s->engine));
	CHILD_CHECK(!crypto_random(s->private, sizeof(s->private)));
	CHILD_CHECK(!vpn_engine_set_private_key(s->engine, now(), s->private));
	CHILD_CHECK(vpn_engine_public_key(s->engine, s->public));
	link.engine = s->engine;
	return vpn_workers_add(s->workers, &link, &s->link) ? 1 : 0;
}

static int side_meet(struct side *s, const struct side *other, const struct ip_address *outer)
{
	const struct ip_prefix all4 = {.address = {.family = 4}}, all6 = {.address = {.family = 6}};
	const struct ip_endpoint at = {.address = *outer, .port = PORT};
	CHILD_CHECK(!vpn_engine_add_peer(s->engine, now(), other->public, &s->peer));
	CHILD_CHECK(!vpn_engine_allow(s->engine, s->peer, &all4));
	CHILD_CHECK(!vpn_engine_allow(s->engine, s->peer, &all6));
	gate_peer_init(&s->peer->rules, &s->net);
	gate_open(s->peer, 0, 0, 0);
	vpn_engine_set_endpoint(s->engine, s->peer, &at);
	return vpn_workers_start(s->workers) ? 1 : 0;
}

static void side_stop(struct side *s)
{
	vpn_workers_free(TAKE(s->workers));
	vpn_engine_free(s->engine);
}

static void side_close(struct side *s)
{
	for (size_t i = 0; i <= WORKERS; i++) {
		fd_done(&s->udp4[i]);
		fd_done(&s->udp6[i]);
	}
	while (s->tuns_n)
		fd_done(&s->tuns[--s->tuns_n]);
}

/* ---- traffic ---- */

static uint8_t octet_at(size_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

/* A connection from the first side to the second, and so many octets of it. */
static int tcp_through(bool six)
{
	static uint8_t out[1 << 16], in[1 << 16];
	const struct ip_endpoint at = {.address = six ? sides[1].inner6 : sides[1].inner4,
				       .port = 7000};
	struct ip_endpoint peer;
	int listener, from, to = -1;
	size_t sent = 0, got = 0, n;
	CHILD_CHECK(!netns_enter(sides[1].netns) && !tcp_listen(&at, 0, 4, &listener));
	CHILD_CHECK(!netns_enter(sides[0].netns) && !tcp_connect(&at, NULL, &from));
	struct pollfd p = {.fd = listener, .events = POLLIN};
	for (int i = 0; i < 2000 && poll(&p, 1, 1) == 0; i++)
		CHILD_CHECK(!drive(5));
	CHILD_CHECK(!tcp_accept(listener, &to, &peer, NULL));
	uint64_t until = now() + 30000;
	while (got < TCP_BYTES && now() < until) {
		size_t chunk = TCP_BYTES - sent < sizeof(out) ? TCP_BYTES - sent : sizeof(out);
		for (size_t i = 0; i < chunk; i++)
			out[i] = octet_at(sent + i);
		CHILD_CHECK(!chunk || !tcp_write(from, span_of(out, chunk), &n));
		sent += chunk ? n : 0;
		CHILD_CHECK(!tcp_read(to, in, sizeof(in), &n));
		for (size_t i = 0; i < n; i++)
			CHILD_CHECK(in[i] == octet_at(got + i));
		got += n;
		CHILD_CHECK(!drive(n ? 0 : 1));
	}
	CHILD_CHECK(got == TCP_BYTES);
	fd_done(&from);
	fd_done(&to);
	fd_done(&listener);
	return 0;
}

/* Datagrams of all sizes that the link takes, empty too, there and back. */
static int udp_through(bool six)
{
	const struct ip_endpoint at = {.address = six ? sides[1].inner6 : sides[1].inner4,
				       .port = 7001};
	struct udp_socket server;
	struct ip_endpoint peer;
	int server_fd, client;
	uint8_t out[MTU], in[MTU];
	CHILD_CHECK(!netns_enter(sides[1].netns) && !udp_open(&at, 0, &server_fd));
	CHILD_CHECK(!udp_prepare(server_fd, 0, &server));
	CHILD_CHECK(!netns_enter(sides[0].netns) && !udp_connect(&at, NULL, 0, &client));
	memset(out, 7, sizeof(out));
	for (size_t len = 0; len <= MTU - 48; len += 171) {
		struct pollfd to = {.fd = server_fd, .events = POLLIN};
		struct pollfd back = {.fd = client, .events = POLLIN};
		size_t n = 0;
		CHILD_CHECK(!udp_write(client, span_of(out, len)));
		for (int i = 0; i < 2000 && poll(&to, 1, 1) == 0; i++)
			CHILD_CHECK(!drive(1));
		CHILD_CHECK(!udp_receive_one(&server, in, sizeof(in), &n, &peer, NULL));
		CHILD_CHECK(peer.port && n == len && memcmp(in, out, len) == 0);
		CHILD_CHECK(!udp_send_to(&server, NULL, &peer, span_of(in, n)));
		for (int i = 0; i < 2000 && poll(&back, 1, 1) == 0; i++)
			CHILD_CHECK(!drive(1));
		CHILD_CHECK(poll(&back, 1, 0) == 1);
		CHILD_CHECK(!udp_read(client, in, sizeof(in), &n) && n == len);
	}
	fd_done(&server_fd);
	fd_done(&client);
	return 0;
}

/* A closed gate: not one octet, and it is counted. */
static int nothing_through(void)
{
	const struct ip_endpoint at = {.address = sides[1].inner4, .port = 7002};
	int server, client;
	CHILD_CHECK(!netns_enter(sides[1].netns) && !udp_open(&at, 0, &server));
	CHILD_CHECK(!netns_enter(sides[0].netns) && !udp_connect(&at, NULL, 0, &client));
	gate_close(sides[1].peer);
	uint64_t before = atomic_load(&sides[1].peer->refused);
	CHILD_CHECK(!udp_write(client, span_text("hello")));
	for (int i = 0; i < 5000 && atomic_load(&sides[1].peer->refused) == before; i++)
		CHILD_CHECK(!drive(1));
	CHILD_CHECK(atomic_load(&sides[1].peer->refused) > before);
	struct pollfd p = {.fd = server, .events = POLLIN};
	CHILD_CHECK(poll(&p, 1, 20) == 0);
	gate_open(sides[1].peer, 0, 0, 0);
	fd_done(&server);
	fd_done(&client);
	return 0;
}

static int counted(unsigned offloads, bool trains)
{
	struct vpn_worker_counts in, out, first, second;
	struct vpn_link_features on;
	vpn_link_counts(sides[0].link, SIZE_MAX, &out);
	vpn_link_counts(sides[1].link, SIZE_MAX, &in);
	vpn_link_features(sides[1].link, &on);
	CHILD_CHECK((on.tun & ~offloads) == 0 && on.trains_sent == trains);
	CHILD_CHECK(out.datagrams_lost == 0 && in.tun_refused == 0 && out.tun_malformed == 0);
	CHILD_CHECK(out.packets_from_tun > TCP_BYTES / MTU);
	CHILD_CHECK(in.packets_to_tun > TCP_BYTES / MTU);
	CHILD_CHECK((in.supers_to_tun > 0) == ((on.tun & TUN_TSO4) != 0));
	/* Fewer system calls than packets is the point of it. */
	if (trains)
		CHILD_CHECK(out.trains_sent < out.datagrams_sent / 4);
	if (on.tun & TUN_TSO4)
		CHILD_CHECK(out.reads_from_tun < out.packets_from_tun / 4);
	vpn_link_counts(sides[0].link, 0, &first);
	vpn_link_counts(sides[0].link, 1, &second);
	CHILD_CHECK(first.packets_from_tun + second.packets_from_tun == out.packets_from_tun);
	return 0;
}

/* Initiations of somebody who does not know the key, as fast as one can; and in between what is
 * carried. Workers see none of it; a few datagrams are the kernels' own, as of neighbours. */
static int carries_beside_a_flood(const struct ip_address *outer)
{
	enum { FLOOD = 60000, INITIATION_LEN = 148 };
	const struct ip_endpoint at = {.address = *outer, .port = PORT};
	const uint8_t message[INITIATION_LEN] = {1};
	struct vpn_worker_counts before[WORKERS], after, last;
	struct vpn_link_features on;
	struct vpn_counts told;
	int stranger;
	vpn_link_features(sides[1].link, &on);
	CHILD_CHECK(on.steers);
	for (size_t i = 0; i < WORKERS; i++)
		vpn_link_counts(sides[1].link, i, &before[i]);
	CHILD_CHECK(!netns_enter(sides[0].netns) && !udp_connect(&at, NULL, 0, &stranger));
	for (size_t i = 0; i < FLOOD; i++)
		err_ignore(udp_write(stranger, span_of(message, sizeof(message))));
	fd_done(&stranger);
	for (size_t i = 0; i < WORKERS; i++) {
		vpn_link_counts(sides[1].link, i, &after);
		CHILD_CHECK(after.datagrams_received - before[i].datagrams_received < FLOOD / 100);
	}
	CHILD_CHECK(!udp_through(false));
	vpn_link_counts(sides[1].link, WORKERS, &last);
	CHILD_CHECK(last.datagrams_received > 0);
	vpn_engine_counts(sides[1].engine, &told);
	CHILD_CHECK(told.dropped[VPN_DROP_MAC1] > 0);
	CHILD_CHECK(told.dropped[VPN_DROP_MAC1] + told.dropped[VPN_DROP_FLOOD] <= FLOOD);
	return 0;
}

/* Threads end and begin again; what was agreed holds. */
static int rests(void)
{
	vpn_workers_stop(sides[0].workers);
	CHILD_CHECK(!vpn_workers_start(sides[0].workers));
	return udp_through(false);
}

/* A device that somebody deletes keeps no worker busy. */
static int rests_without_device(void)
{
	CHILD_CHECK(!netns_enter(sides[1].netns) && !link_delete("wg0"));
	CHILD_CHECK(!drive(1));
	uint64_t cpu_ms = clock_cpu_us() / 1000, until = now() + 200;
	while (now() < until)
		CHILD_CHECK(!drive(20));
	CHILD_CHECK(clock_cpu_us() / 1000 - cpu_ms < 100);
	return 0;
}

static int carries(unsigned offloads, bool trains, bool outer6)
{
	for (size_t i = 0; i < 2; i++)
		CHILD_CHECK(!side_open(&sides[i], TUN_ALL) &&
			    !side_start(&sides[i], offloads, trains));
	for (size_t i = 0; i < 2; i++)
		CHILD_CHECK(!side_meet(&sides[i], &sides[1 - i],
				       outer6 ? &sides[1 - i].outer6 : &sides[1 - i].outer4));
	CHILD_CHECK(!udp_through(false) && !udp_through(true));
	CHILD_CHECK(!tcp_through(false) && !tcp_through(true));
	CHILD_CHECK(!nothing_through() && !counted(offloads | TUN_HEADS | TUN_QUEUES, trains));
	CHILD_CHECK(!carries_beside_a_flood(outer6 ? &sides[1].outer6 : &sides[1].outer4));
	CHILD_CHECK(!rests() && !rests_without_device());
	for (size_t i = 0; i < 2; i++) {
		side_stop(&sides[i]);
		side_close(&sides[i]);
	}
	return 0;
}

static int carries_whatever_is_on(void)
{
	struct cable cable;
	enum err e = cable_lay(&cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !loop_init(&main_loop));
	loop_on_wake(&main_loop, turn, NULL);
	sides[0] = (struct side){.netns = cable.here, .outer4 = cable_left4, .outer6 = cable_left6};
	sides[1] =
		(struct side){.netns = cable.there, .outer4 = cable_right4, .outer6 = cable_right6};
	for (uint8_t i = 0; i < 2; i++) {
		sides[i].inner4 = ip_address_v4(10, 7, 0, i + 1);
		sides[i].inner6 =
			(struct ip_address){.family = 6, .bytes = {0xfd, 7, [15] = i + 1}};
	}
	int fd;
	size_t n;
	if (cable_may_not(tun_open("wg9", 1, 0, &fd, &n)))
		return CHILD_SKIPS;
	CHILD_CHECK(!carries(TUN_ALL, true, false));
	CHILD_CHECK(!carries(TUN_ALL, true, true));
	CHILD_CHECK(!carries(TUN_CHECKSUM, false, false));
	CHILD_CHECK(!carries(0, true, true));
	return 0;
}

static void packets_go_through_with_whatever_the_kernel_lends(void **state)
{
	(void)state;
	assert_child(carries_whatever_is_on, "no network namespaces or TUN devices here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_go_through_with_whatever_the_kernel_lends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
