/* An uplink on a real link: DHCP and ARP as packets over a cable to a server that the test plays,
 * the lease as an address of the kernel's and as a file. */
#include "service/dhcp-client/io_uplink.h"

#include "config/config.h"
#include "config/report.h"
#include "control/service_life.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/outbox.h"
#include "os/packet.h"
#include "os/udp.h"
#include "proto/dhcp/build.h"
#include "service/dhcp-client/io_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

#define SERVER	UINT32_C(0xc0000201) /* 192.0.2.1 */
#define ADDRESS UINT32_C(0xc0000263) /* 192.0.2.99 */

enum { TURNS = 2000, TURN_MS = 5 };

static const struct config_section section = {"dhcp-client", &dhcp_client_conf_map};
static const struct config_sections sections = {&section, 1};

struct bench {
	struct cable cable;
	struct service_life life;
	struct client_env env;
	struct client_uplink c;
	struct config *config;
	char folder[64];
	int packets, arps; /* of the other end */
	unsigned changes;
	struct dhcp_message m; /* the last that came there, in room */
	uint8_t room[2048];
};

static void changed(void *arg)
{
	struct bench *b = arg;
	b->changes++;
}

static enum err configure(struct bench *b, const char *more)
{
	char text[400];
	struct config_report report = {0};
	(void)snprintf(text, sizeof(text),
		       "dhcp-client:\n  uplinks:\n    v0: {start-delay: 0s, offer-wait: 0s, %s}\n",
		       more);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, &b->config, &report);
	if (report.n)
		(void)fprintf(stderr, "%s\n", report.errors[0].message);
	config_report_done(&report);
	return e;
}

static enum err open_there(struct bench *b)
{
	TRY(netns_enter(b->cable.there));
	TRY(packet_open(&b->packets));
	TRY(packet_listen_udp4(b->packets, b->cable.v1, DHCP_PORT_SERVER));
	TRY(packet_open(&b->arps));
	TRY(packet_listen(b->arps, b->cable.v1, PACKET_ARP));
	return netns_enter(b->cable.here);
}

/* The process begins: its sockets, and what a process before it has left. */
static enum err start(struct bench *b)
{
	const struct client_conf *conf = config_section(b->config, "dhcp-client");
	int ip = -1, arp = -1;
	b->env.owner++;
	TRY(packet_open(&ip));
	TRY(packet_open(&arp));
	TRY(links_open(&b->env.links));
	TRY(client_uplink_init(&b->c, &b->env, conf->uplinks.items, ip, arp));
	client_uplink_links(&b->c);
	return OK;
}

static void end(struct bench *b)
{
	client_uplink_done(&b->c);
	links_done(&b->env.links);
	memset(&b->c, 0, sizeof(b->c));
}

static enum err begin(struct bench *b, const char *more)
{
	static const struct ip_endpoint any_68 = {.address = {.family = 4},
						  .port = DHCP_PORT_CLIENT};
	TRY(cable_lay(&b->cable));
	(void)snprintf(b->folder, sizeof(b->folder), "/tmp/gatehouse-uplink-XXXXXX");
	if (!mkdtemp(b->folder))
		return ERR_REFUSED;
	TRY(configure(b, more));
	TRY(loop_init(&b->life.loop));
	b->life.state_path = b->folder;
	b->env = (struct client_env){.life = &b->life,
				     .udp6_fd = -1,
				     .wall_ms = clock_wall_ms(),
				     .ageing_us = clock_ageing_us(),
				     .changed = changed,
				     .arg = b};
	TRY(outbox_new(16, 2048, &b->env.outbox));
	TRY(udp_open(&any_68, 0, &b->env.udp_fd));
	TRY(open_there(b));
	return start(b);
}

/* Everything of it goes with the child, but for the folder. */
static void tidy(struct bench *b)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/v0.lease", b->folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/duid", b->folder);
	(void)unlink(path);
	(void)rmdir(b->folder);
	config_free(b->config);
	outbox_free(b->env.outbox);
	loop_done(&b->life.loop);
	fd_done(&b->env.udp_fd);
	fd_done(&b->packets);
	fd_done(&b->arps);
}

static void turn(struct bench *b)
{
	bool is_new = false;
	err_ignore(loop_turn(&b->life.loop, TURN_MS));
	if (links_read(&b->env.links, &is_new) == OK && is_new)
		client_uplink_links(&b->c);
}

/* The other end gets a message of that type; anything else before it is none. */
static bool comes(struct bench *b, uint8_t type)
{
	for (unsigned i = 0; i < TURNS; i++) {
		struct packet_received got;
		struct ip_packet p;
		struct ip_udp udp;
		turn(b);
		if (packet_receive(b->packets, b->room, sizeof(b->room), &got) || got.len == 0)
			continue;
		return ip_packet_read(span_of(b->room, got.len), &p) == OK &&
		       ip_udp_read(&p, !got.checksum_pending, &udp) == OK &&
		       dhcp_message_read(udp.payload, &b->m) == OK && b->m.type == type;
	}
	return false;
}

static bool reaches(struct bench *b, enum uplink_state state)
{
	for (unsigned i = 0; i < TURNS && b->c.u.state != state; i++)
		turn(b);
	return b->c.u.state == state;
}

static enum err send(struct bench *b, uint16_t port, struct span payload)
{
	uint8_t room[2048];
	struct writer w = writer_of(room, sizeof(room));
	struct packet_end to = {
		.ifindex = b->cable.v1, .protocol = PACKET_IP4, .address_len = IP_MAC_LEN};
	const struct ip_datagram d = {.source = SERVER,
				      .destination = UINT32_MAX,
				      .source_port = DHCP_PORT_SERVER,
				      .destination_port = port,
				      .payload = payload};
	memcpy(to.address, ip_mac_broadcast, IP_MAC_LEN);
	ip_datagram_write_head(&w, &d);
	write_span(&w, payload);
	TRY(writer_check(&w));
	return packet_send(b->packets, &to, writer_span(&w));
}

/* An answer to the last message. */
static bool say(struct bench *b, uint8_t type)
{
	uint8_t room[1500];
	struct dhcp_build out;
	struct dhcp_build_rules rules = {.size_max = 1472};
	struct span wire;
	struct dhcp_head head = dhcp_head_reply(&b->m.head);
	head.yiaddr = type == DHCP_NAK ? 0 : ADDRESS;
	dhcp_build_init(&out, room, sizeof(room), &head, &rules);
	dhcp_build_u8(&out, DHCP_OPT_MESSAGE_TYPE, type);
	dhcp_build_u32(&out, DHCP_OPT_SERVER_IDENTIFIER, SERVER);
	dhcp_build_u32(&out, DHCP_OPT_LEASE_TIME, 3600);
	dhcp_build_u32(&out, DHCP_OPT_SUBNET_MASK, 0xffffff00);
	dhcp_build_u32(&out, DHCP_OPT_ROUTERS, SERVER);
	return dhcp_build_finish(&out, &wire) == OK && send(b, DHCP_PORT_CLIENT, wire) == OK;
}

static bool binds(struct bench *b)
{
	return comes(b, DHCP_DISCOVER) && say(b, DHCP_OFFER) && comes(b, DHCP_REQUEST) &&
	       say(b, DHCP_ACK) && reaches(b, UPLINK_BOUND);
}

static bool has_file(const struct bench *b)
{
	uint8_t room[DHCP_MESSAGE_MAX];
	struct lease_file f;
	return store_read(&b->c.store, room, &f) == OK && f.message.len != 0;
}

#define NO_PROBES "probing: {probes: 0}"

static struct bench bench;

/* cmocka's asserts belong to the parent. */
#define BEGIN(b, more)                                                                             \
	do {                                                                                       \
		enum err begun_ = begin(b, more);                                                  \
		if (cable_may_not(begun_))                                                         \
			return CHILD_SKIPS;                                                        \
		CHILD_CHECK(!begun_);                                                              \
	} while (0)

static int lease(void)
{
	struct bench *b = &bench;
	BEGIN(b, NO_PROBES);
	CHILD_CHECK(binds(b));
	CHILD_CHECK(net_has(b->cable.v0, ADDRESS) && has_file(b) && b->changes == 1);
	CHILD_CHECK(b->c.has_peer && b->c.begun);
	/* It dies; the next one asks for what the file says, and the address stays. */
	end(b);
	CHILD_CHECK(!start(b) && net_has(b->cable.v0, ADDRESS));
	uint32_t asked = 0;
	CHILD_CHECK(comes(b, DHCP_REQUEST));
	CHILD_CHECK(dhcp_message_address(&b->m, DHCP_OPT_REQUESTED_ADDRESS, &asked) == OK &&
		    asked == ADDRESS && !dhcp_message_has(&b->m, DHCP_OPT_SERVER_IDENTIFIER));
	CHILD_CHECK(say(b, DHCP_NAK) && comes(b, DHCP_DISCOVER));
	CHILD_CHECK(!net_has(b->cable.v0, ADDRESS) && !has_file(b));
	/* By order: the frame goes to who gave the lease, and the address is gone. */
	CHILD_CHECK(say(b, DHCP_OFFER) && comes(b, DHCP_REQUEST) && say(b, DHCP_ACK) &&
		    reaches(b, UPLINK_BOUND));
	CHILD_CHECK(!client_uplink_release(&b->c) && comes(b, DHCP_RELEASE));
	CHILD_CHECK(b->m.head.ciaddr == ADDRESS && !net_has(b->cable.v0, ADDRESS) && !has_file(b));
	CHILD_CHECK(!client_uplink_renew(&b->c) && comes(b, DHCP_DISCOVER));
	for (size_t i = 0; i < CLIENT_COUNTS; i++)
		CHILD_CHECK(b->c.counts[i] == 0);
	end(b);
	tidy(b);
	return 0;
}

static int stop(void)
{
	struct bench *b = &bench;
	BEGIN(b, NO_PROBES);
	CHILD_CHECK(binds(b));
	/* Another process has taken it over: this one lets everything be. */
	struct store other = b->c.store;
	struct lease_file f;
	uint8_t room[DHCP_MESSAGE_MAX];
	uint64_t owner = b->env.owner;
	other.owner = 99;
	CHILD_CHECK(!store_read(&other, room, &f) && !store_write(&other, &f));
	client_uplink_stop(&b->c);
	CHILD_CHECK(net_has(b->cable.v0, ADDRESS));
	/* And it is ours again: what was set is taken away, and the file stays. */
	other.owner = owner;
	CHILD_CHECK(!store_write(&other, &f));
	client_uplink_stop(&b->c);
	CHILD_CHECK(!net_has(b->cable.v0, ADDRESS) && has_file(b) && !b->c.begun);
	end(b);
	tidy(b);
	return 0;
}

static int strangers(void)
{
	struct bench *b = &bench;
	uint8_t junk[1400] = {2, 1, 6};
	BEGIN(b, NO_PROBES);
	const uint64_t *refused = b->c.u.counts.refused;
	CHILD_CHECK(comes(b, DHCP_DISCOVER));
	/* A torn one, one for another client, and one for a port that is not ours. */
	b->m.head.xid ^= 1;
	CHILD_CHECK(!send(b, DHCP_PORT_CLIENT, span_of(junk, 100)) && say(b, DHCP_OFFER));
	CHILD_CHECK(!send(b, 69, span_of(junk, sizeof(junk))));
	for (unsigned i = 0; i < TURNS && refused[UPLINK_CAUSE_NOT_OURS] == 0; i++)
		turn(b);
	for (unsigned i = 0; i < 5; i++)
		turn(b);
	CHILD_CHECK(refused[UPLINK_CAUSE_TORN] == 1 && refused[UPLINK_CAUSE_NOT_OURS] == 1);
	CHILD_CHECK(b->c.u.state == UPLINK_SELECTING);
	end(b);
	tidy(b);
	return 0;
}

static bool hears_probe(struct bench *b, struct ip_arp *ret)
{
	uint8_t room[128];
	struct packet_received got;
	for (unsigned i = 0; i < TURNS; i++) {
		turn(b);
		if (packet_receive(b->arps, room, sizeof(room), &got) == OK && got.len &&
		    got.len <= sizeof(room) && ip_arp_read(span_of(room, got.len), ret) == OK &&
		    ret->target == ADDRESS)
			return true;
	}
	return false;
}

static int conflict(void)
{
	struct bench *b = &bench;
	BEGIN(b, "probing: {probes: 3, wait: 0ms, min: 20ms, max: 30ms, settle: 30s}");
	struct ip_arp arp;
	CHILD_CHECK(comes(b, DHCP_DISCOVER) && say(b, DHCP_OFFER) && comes(b, DHCP_REQUEST) &&
		    say(b, DHCP_ACK) && hears_probe(b, &arp));
	CHILD_CHECK(arp.sender == 0 && arp.operation == IP_ARP_REQUEST &&
		    memcmp(arp.sender_mac, b->c.mac, IP_MAC_LEN) == 0);
	CHILD_CHECK(!net_has(b->cable.v0, ADDRESS) && b->c.u.state == UPLINK_CHECKING);
	/* Somebody has it. */
	uint8_t room[IP_ARP_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct packet_end to = {
		.ifindex = b->cable.v1, .protocol = PACKET_ARP, .address_len = IP_MAC_LEN};
	struct ip_arp reply = {
		.operation = IP_ARP_REPLY, .sender_mac = {2, 0, 0, 0, 0, 9}, .sender = ADDRESS};
	memcpy(reply.target_mac, arp.sender_mac, IP_MAC_LEN);
	memcpy(to.address, arp.sender_mac, IP_MAC_LEN);
	ip_arp_write(&w, &reply);
	CHILD_CHECK(!packet_send(b->arps, &to, writer_span(&w)) && comes(b, DHCP_DECLINE));
	uint32_t declined = 0;
	CHILD_CHECK(dhcp_message_address(&b->m, DHCP_OPT_REQUESTED_ADDRESS, &declined) == OK &&
		    declined == ADDRESS && !net_has(b->cable.v0, ADDRESS));
	end(b);
	tidy(b);
	return 0;
}

static int links(void)
{
	struct bench *b = &bench;
	BEGIN(b, NO_PROBES);
	CHILD_CHECK(binds(b));
	CHILD_CHECK(!link_down("v0") && reaches(b, UPLINK_DOWN));
	CHILD_CHECK(!link_up("v0") && comes(b, DHCP_REQUEST) && say(b, DHCP_ACK) &&
		    reaches(b, UPLINK_BOUND));
	/* The link goes and comes back as another: everything begins anew there. */
	uint32_t before = b->c.ifindex;
	CHILD_CHECK(!link_delete("v0"));
	for (unsigned i = 0; i < TURNS && b->c.begun; i++)
		turn(b);
	CHILD_CHECK(!b->c.begun);
	fd_done(&b->packets);
	fd_done(&b->arps);
	CHILD_CHECK(!link_add_veth("v0", "v1", b->cable.there) && !link_up("v0"));
	CHILD_CHECK(!netns_enter(b->cable.there) && !link_up("v1") &&
		    !link_index("v1", &b->cable.v1) && !open_there(b));
	CHILD_CHECK(comes(b, DHCP_REQUEST) && b->c.ifindex != before);
	CHILD_CHECK(say(b, DHCP_ACK) && reaches(b, UPLINK_BOUND));
	CHILD_CHECK(net_has(b->c.ifindex, ADDRESS));
	end(b);
	tidy(b);
	return 0;
}

#define MAY_NOT "network namespaces are not permitted"

static void a_lease_is_set_stored_found_again_and_given_back(void **state)
{
	(void)state;
	assert_child(lease, MAY_NOT);
}

static void a_stop_takes_back_what_was_set_unless_another_process_has_it(void **state)
{
	(void)state;
	assert_child(stop, MAY_NOT);
}

static void what_is_not_for_us_is_counted(void **state)
{
	(void)state;
	assert_child(strangers, MAY_NOT);
}

static void who_answers_a_probe_keeps_the_address(void **state)
{
	(void)state;
	assert_child(conflict, MAY_NOT);
}

static void links_go_and_come_back(void **state)
{
	(void)state;
	assert_child(links, MAY_NOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_for_us_is_counted),
		cmocka_unit_test(a_lease_is_set_stored_found_again_and_given_back),
		cmocka_unit_test(a_stop_takes_back_what_was_set_unless_another_process_has_it),
		cmocka_unit_test(who_answers_a_probe_keeps_the_address),
		cmocka_unit_test(links_go_and_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
