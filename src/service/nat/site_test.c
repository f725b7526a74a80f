#include "service/nat/site_test.h"

#include "config/config.h"
#include "config/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

struct ip_address site_ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

void site_address(struct site *s, uint32_t ifindex, uint8_t bits, const char *address)
{
	s->addresses[s->net.addresses_n++] = (struct nat_net_address){
		.ifindex = ifindex, .address = site_ip(address), .bits = bits};
}

void site_init(struct site *s, const char *text)
{
	static const char *const names[] = {"lo", "wan0", "lan0", "lan1", "guest0"};
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	*s = (struct site){0};
	if (config_parse(&sections, &in, &s->config, &report))
		fail_msg("%s", report.n ? report.errors[0].message : "?");
	config_report_done(&report);
	s->conf = config_section(s->config, "nat");
	s->t = calloc(1, sizeof(*s->t));
	assert_int_equal(nat_names_collect(s->conf, &s->names), OK);
	s->net = (struct nat_net){s->devices, 0, s->addresses, 0, s->routes, 0};
	for (uint32_t i = 0; i < 5; i++) {
		struct nat_net_device *d = &s->devices[s->net.devices_n++];
		*d = (struct nat_net_device){.ifindex = i + 1, .mtu = 1500, .ethernet = true};
		(void)snprintf(d->name, sizeof(d->name), "%s", names[i]);
		d->zone = nat_conf_interface_zone(s->conf, d->name);
	}
	site_address(s, 1, 8, "127.0.0.1");
	site_address(s, SITE_WAN, 28, "203.0.113.5");
	site_address(s, SITE_LAN, 24, "192.168.1.1");
	site_address(s, SITE_LAN1, 24, "192.168.2.1");
	site_address(s, SITE_GUEST, 24, "192.168.20.1");
	site_address(s, SITE_LAN, 64, "2001:470:1::1");
	site_address(s, SITE_LAN, 64, "fe80::1");
	s->routes[s->net.routes_n++].ifindex = SITE_WAN; /* the default route */
	assert_int_equal(ip_prefix_parse(span_text("0.0.0.0/0"), &s->routes[0].to), OK);
	s->routes[s->net.routes_n++].ifindex = SITE_LAN;
	assert_int_equal(ip_prefix_parse(span_text("10.9.0.0/16"), &s->routes[1].to), OK);
	s->routes[s->net.routes_n++].ifindex = SITE_WAN;
	assert_int_equal(ip_prefix_parse(span_text("::/0"), &s->routes[2].to), OK);
}

void site_name(struct site *s, const char *name, const char *address)
{
	struct dns_name wire;
	struct ip_address a = site_ip(address);
	assert_int_equal(dns_name_from_text(span_text(name), NULL, &wire), OK);
	struct nat_name *known = nat_names_find(&s->names, &wire);
	assert_non_null(known);
	(void)nat_names_answer(&s->names, known, a.family == 4 ? NAT_NAME_V4 : NAT_NAME_V6, &a, 1,
			       60, 0);
}

void site_make(struct site *s, const struct nat_public *before, enum err expected)
{
	enum err e = nat_tables_make(s->conf, &s->names, &s->net, before, NAT_PUBLICS, s->t);
	if (e != expected)
		fail_msg("%s: %s", err_text(e), s->t->notes_n ? s->t->notes[0].text : "");
}

void site_done(struct site *s)
{
	nat_names_done(&s->names);
	config_free(s->config);
	free(s->t);
}
