#include "service/dhcp/site_test.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp/sample_test.h"
#include "service/dhcp/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct dhcp_site *site_of(const char *body)
{
	static const struct config_section section = {"dhcp", &dhcp_conf_map};
	static const struct config_sections sections = {&section, 1};
	static char text[1 << 16];
	struct config *c = NULL;
	struct config_report r = {0};
	struct dhcp_site *s = NULL;
	int n = snprintf(text, sizeof(text), "dhcp:\n%s", body);
	assert_in_range(n, 1, sizeof(text) - 1);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};

	enum err e = config_parse(&sections, &in, &c, &r);
	if (r.n)
		print_error("%u: %s\n", r.errors[0].line, r.errors[0].message);
	assert_int_equal(e, OK);
	assert_int_equal(dhcp_site_new(config_section(c, "dhcp"), &s), OK);
	config_free(c);
	config_report_done(&r);
	return s;
}

void site_client_init(struct site_client *c, const struct dhcp_site *s, size_t network, uint8_t mac,
		      const char *options, size_t len)
{
	const struct dhcp_network *networks;
	struct sample m = sample_begin();
	assert_true(network < dhcp_site_networks(s, &networks));

	m.bytes[33] = mac;
	SAMPLE_ADD(&m, "\x35\x01\x01"); /* DISCOVER */
	sample_add(&m, options, len);
	SAMPLE_ADD(&m, "\xff");
	assert_true(m.len <= sizeof(c->wire));
	memcpy(c->wire, m.bytes, m.len);
	assert_int_equal(dhcp_message_read(span_of(c->wire, m.len), &c->message), OK);
	c->c = (struct dhcp_client){.message = &c->message,
				    .network = &networks[network],
				    .htype = 1,
				    .mac_len = 6,
				    .mac = {2, 0, 0, 0, 0, mac},
				    .client_id = dhcp_message_option(&c->message, 61)};
	if (dhcp_message_has(&c->message, 82)) {
		assert_int_equal(
			dhcp_relay_info_read(dhcp_message_option(&c->message, 82), &c->relay), OK);
		c->c.relay = &c->relay;
	}
	dhcp_site_judge(s, &c->c);
}

const char *site_answer(const struct dhcp_site *s, const struct site_client *c,
			const struct dhcp_pool *pool)
{
	static char text[4096];
	static uint8_t buf[2048];
	static struct dhcp_message m;
	struct dhcp_build_rules rules = {.size_max = sizeof(buf)};
	struct dhcp_head head = dhcp_head_reply(&c->message.head);
	struct writer w = writer_of(text, sizeof(text) - 1);
	struct dhcp_build b;
	struct span wire;
	uint8_t code;

	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_OFFER);
	dhcp_site_options(s, &c->c, c->c.network, pool, &b);
	assert_int_equal(dhcp_build_finish(&b, &wire), OK);
	assert_int_equal(dhcp_message_read(wire, &m), OK);
	for (unsigned i = 1; i < m.options_len; i++) {
		struct span value = dhcp_message_option_at(&m, i, &code);
		write_format(&w, "%s%u=", i > 1 ? " " : "", code);
		dhcp_option_format(code, value, &w);
	}
	assert_false(w.bad);
	text[w.pos] = '\0';
	return text;
}
