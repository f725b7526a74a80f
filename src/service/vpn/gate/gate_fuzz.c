/* Any octets from a peer and to a peer, in any state: refusals, the DNS and the redirect of
 * quarantine are behind it. The first octet says which way and how the gate is. */
#include "service/vpn/gate/gate.h"

#include "service/vpn/gate/packet.h"
#include "service/vpn/gate/rules.h"
#include "service/vpn/tunnel/peer.h"

#include <stdlib.h>

enum { T = 1000000 };

static struct ip_address address(const char *text)
{
	struct ip_address a;
	if (ip_address_parse(span_text(text), &a))
		abort();
	return a;
}

static struct gate_net net;
static struct vpn_peer peer;
static struct gate_rules *rules;

static struct vpn_peer *peer_of(const void *arg, struct span at)
{
	(void)arg;
	return at.data[at.len - 1] == 2 ? &peer : NULL;
}

static void set_up(void)
{
	static const uint8_t key[16] = {1};
	const struct gate_reach reach[] = {
		{ip_prefix_of(&(struct ip_address){4, {192, 168}}, 16), 6, 1, 443},
		{ip_prefix_of(&(struct ip_address){6, {0x20}}, 3), 0, 0, 0}};
	struct ip_address inner4 = address("10.8.0.1"), inner6 = address("fd08::1");
	struct dns_name name;
	if (dns_name_from_text(span_text("sign-in.home.arpa"), NULL, &name) ||
	    !gate_net_add_inner(&net, &inner4) || !gate_net_add_inner(&net, &inner6) ||
	    web_redirect_new(64, key, &net.redirect) || gate_rules_new(reach, 2, &rules))
		abort();
	gate_net_set_page(&net, &name, 443, 8080);
	net.time_servers[0] = address("192.168.1.1");
	net.time_servers_n = 1;
	net.peer_of = peer_of;
	gate_peer_init(&peer.rules, &net);
	peer.sign_in = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint64_t now_ms = T;
	if (!rules)
		set_up();
	if (len == 0)
		return 0;
	uint8_t how = data[0];
	uint8_t *copy = malloc(len), answer[GATE_ANSWER_MAX];
	if (!copy)
		return 0;
	for (size_t i = 1; i < len; i++)
		copy[i - 1] = data[i];
	struct writer w = writer_of(answer, sizeof(answer));
	struct gate_bytes bytes = {.data = copy, .len = len - 1, .partial = how & 2};
	gate_open(&peer, 0, 0, now_ms);
	peer.gate = how >> 2 & 3;
	peer.rules.reach = how & 16 ? rules : NULL;
	now_ms += 1000; /* so that refusals are always answered */
	enum gate_verdict verdict =
		how & 1 ? gate_in(&peer, bytes, now_ms, &w) : gate_out(&peer, bytes, now_ms, &w);
	struct gate_packet said;
	if (verdict == GATE_ANSWERED ? gate_packet_read(writer_span(&w), &said) != OK : w.pos != 0)
		abort();
	free(copy);
	return 0;
}
