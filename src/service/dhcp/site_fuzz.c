/* Any message of a client against a site with a little of everything: who it is, how long it has
 * what it gets, and an answer that can be read again. */
#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"dhcp:\n"
	"  options: {domain-name-servers: [192.0.2.1, 192.0.2.2], domain-name: home.arpa,\n"
	"            ipv6-only-preferred: 1800, \"224/text\": abc}\n"
	"  always: [domain-name]\n"
	"  lease-time-max: 2d\n"
	"  vendor-options:\n"
	"    - {vendor-class: [\"PXE*\", \"MSFT*\", \"*ab*a*\"], options: {\"1/address\": "
	"192.0.2.5}}\n"
	"    - {enterprise: 9, options: {1: \"02\"}}\n"
	"  load-split: {buckets: 0-127}\n"
	"  classes:\n"
	"    - {name: a, match: {vendor-class: [\"PXEClient*\", \"HTTPClient*\", \"*a*b*\"]},\n"
	"       boot-file: \"http://b.test/x\", next-server: 192.0.2.7}\n"
	"    - {name: b, match: {architecture: [uefi-x64, 0], user-class: \"*i*\"}, server-name: "
	"s}\n"
	"    - {name: c, match: {mac: [\"02:*\", \"02:00:00:*\"]}, lease-time: 1m}\n"
	"    - {name: d, match: {circuit-id: \"*\", remote-id: \"hex:00*\", subscriber-id: "
	"\"?*\"}}\n"
	"    - {name: e, match: {client-id: \"hex:01*\"}, renew-time: 40s, rebind-time: 50s}\n"
	"  networks:\n"
	"    - subnet: 192.0.2.0/24\n"
	"      options:\n"
	"        routers: 192.0.2.1\n"
	"        classless-static-routes: [{to: 0.0.0.0/0, via: 192.0.2.1}]\n"
	"      pools: {range: 192.0.2.10-192.0.2.20, lease-time: 10m, lease-time-min: 1m}\n"
	"      reservations:\n"
	"        - {mac: \"02:00:00:00:00:01\", address: 192.0.2.10, name: nas}\n"
	"        - {client-id: \"hex:0001\", address: 192.0.2.5}\n"
	"        - {circuit-id: p1, address: 192.0.2.6, options: {\"224/text\": x}}\n"
	"        - {circuit-id: p1, remote-id: r1, address: 192.0.2.7}\n"
	"    - {subnet: 198.51.100.0/31}\n";

static struct dhcp_site *site_new(void)
{
	static const struct config_section section = {"dhcp", &dhcp_conf_map};
	static const struct config_sections sections = {&section, 1};
	const struct config_input in = {.text = span_text(text), .file_name = "fuzz.yaml"};
	struct config *c = NULL;
	struct config_report r = {0};
	struct dhcp_site *s = NULL;

	enum err e = config_parse(&sections, &in, &c, &r);
	ASSERT(e == OK);
	e = dhcp_site_new(config_section(c, "dhcp"), &s);
	ASSERT(e == OK);
	config_free(c);
	config_report_done(&r);
	return s;
}

static void check_times(const struct dhcp_site *s, const struct dhcp_client *c,
			const struct dhcp_pool *pool)
{
	uint32_t asked = 0;

	err_ignore(dhcp_message_u32(c->message, DHCP_OPT_LEASE_TIME, &asked));
	struct dhcp_times t = dhcp_site_times(s, c, c->network, pool, asked);
	ASSERT(t.lease_s >= 60 && t.lease_s <= 2 * 86400);
	ASSERT(t.renew_s && t.renew_s < t.rebind_s && t.rebind_s < t.lease_s);
}

static void check_answer(const struct dhcp_site *s, const struct dhcp_client *c,
			 const struct dhcp_pool *pool)
{
	static uint8_t buf[1500];
	static struct dhcp_message back;
	struct dhcp_head head = dhcp_head_reply(&c->message->head);
	struct dhcp_build_rules rules = {.size_max = dhcp_message_size_max(c->message, sizeof(buf)),
					 .overload = true};
	struct dhcp_boot boot;
	struct dhcp_build b;
	struct span wire;

	dhcp_site_boot(s, c, c->network, pool, &boot);
	ASSERT(boot.file.len < DHCP_FILE_LEN && boot.sname.len < DHCP_SNAME_LEN);
	rules.sname = boot.sname;
	rules.file = boot.file;
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_OFFER);
	dhcp_site_options(s, c, c->network, pool, &b);
	enum err e = dhcp_build_finish(&b, &wire);
	ASSERT(e == OK);
	e = dhcp_message_read(wire, &back);
	ASSERT(e == OK);
	ASSERT(back.type == DHCP_OFFER && dhcp_message_has(&back, DHCP_OPT_SUBNET_MASK));
	ASSERT(!(dhcp_message_has(&back, DHCP_OPT_IPV6_ONLY_PREFERRED) &&
		 !memchr(dhcp_message_requested(c->message).data, DHCP_OPT_IPV6_ONLY_PREFERRED,
			 dhcp_message_requested(c->message).len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dhcp_site *site; /* why-global: one for all inputs; the fuzzer has no start */
	static struct dhcp_message m;
	struct dhcp_relay_info relay;
	const struct dhcp_network *networks;

	if (!site)
		site = site_new();
	if (dhcp_message_read(span_of(data, size), &m) != OK)
		return 0;
	(void)dhcp_site_networks(site, &networks);
	struct dhcp_client c = {.message = &m, .network = &networks[m.head.secs & 1]};
	const struct dhcp_pool *pool = m.head.secs & 2 ? NULL : networks[0].pools;
	c.htype = m.head.htype;
	c.mac_len = m.head.hlen;
	memcpy(c.mac, m.head.chaddr, c.mac_len);
	err_ignore(dhcp_message_client_id(&m, &c.client_id));
	if (dhcp_message_has(&m, DHCP_OPT_RELAY_AGENT_INFORMATION) &&
	    dhcp_relay_info_read(dhcp_message_option(&m, DHCP_OPT_RELAY_AGENT_INFORMATION),
				 &relay) == OK)
		c.relay = &relay;
	dhcp_site_judge(site, &c);
	ASSERT(!c.reservation || dhcp_reservation_is_of(c.reservation, &c));
	(void)dhcp_site_ours(site, &c, m.head.secs);
	check_times(site, &c, pool);
	check_answer(site, &c, pool);
	return 0;
}
